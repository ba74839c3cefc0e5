"""Whatever somebody else wrote stays text: no script runs, and no page breaks."""

import pytest
from playwright.sync_api import Page
from seeded_console import SeededConsole

from foundation.refusal import Refusal

PAYLOADS = (
    "<script>window.ran=1</script>",
    '"><img src=x onerror="window.ran=1">',
    "'-window.ran=1-'",
    "<svg/onload=window.ran=1>",
    "{{ 7*7 }}${7*7}{% raw %}",
    "javascript:window.ran=1",
    "</textarea></script><iframe srcdoc='<script>parent.ran=1</script>'>",
    "\u202e\u2066gnp.exe\u2069\u202c שלום مرحبا",
    "a/../../b?c=d&e=f#g%2f%00",
    "\U0001f642" * 50 + "z\u0335\u0321" * 100,
    "x" * 1_000,
)


@pytest.fixture(scope="module")
def hostile(console: SeededConsole) -> list[str]:
    """The ids of cases about entities with hostile names, and with hostile notes; one has events with hostile fields."""
    cases = console.system.client.cases
    made = []
    for payload in PAYLOADS:
        opened = cases.open("card_attack", payload, payload)
        cases.note(opened.id, payload * 3 if len(payload) < 600 else payload)
        made.append(opened.id)
    longest = "long-" + "y" * 10_000
    try:
        console.take_over(PAYLOADS[0] + "2", 900.0, device=PAYLOADS[1])
        console.take_over(longest[:1_000], 950.0, device=PAYLOADS[7])
        console.pay("somebody", 1.0, device_id=longest)
    except Refusal:
        pass  # an id that the door refuses cannot be shown
    return made


def test_hostile_text_stays_text_in_the_queue_and_in_cases(page: Page, console: SeededConsole, hostile: list[str]) -> None:
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    for path in ("/queue", "/queue?holder=%3Cscript%3Ewindow.ran%3D1%3C/script%3E", *(f"/cases/{id}" for id in hostile)):
        page.goto(console.address + path)
        assert page.evaluate("window.ran === undefined && frames.length === 0"), path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert page.locator("#main").is_visible(), path
    assert asked == []


def test_a_page_is_readable_on_a_phone(page: Page, console: SeededConsole) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for path in ("/queue", f"/cases/{console.cases()[0].id}", "/entities/customer_id/customer-0"):
        page.goto(console.address + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    cells = page.locator("#decisions-table td").evaluate_all("all => all.map(cell => cell.getBoundingClientRect().right)")
    assert len(cells) > 6
    assert max(cells) <= 390, "what happened and why is read without moving sideways"
