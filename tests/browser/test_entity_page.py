"""An entity with what its events were and what people say of it."""

import pathlib
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from axe_rules import faults_of_axe
from playwright.sync_api import Page, expect
from seeded_console import SeededConsole

from api.console.pages.entity import rows_of

HOSTILE = "</td><script>document.title='broken'</script>\u202e/" + "A" * 400
FACTS = "facts: {customer_id: {vip: boolean, risk: number}}\n"


@pytest.fixture
def facts(console: SeededConsole) -> Iterator[None]:
    """A release that declares facts, for as long as the test runs."""
    client = console.system.client
    found = {part: client.text(part) for part in ("schema", "policy")}
    texts = {part: each.text for part, each in found.items() if each}
    client.put({"schema": texts["schema"] + FACTS, "policy": texts["policy"] + "override: entity.customer_id.risk\n"})
    yield
    client.put(texts)


def test_notes_lists_and_facts_of_an_entity_are_shown_and_changed(
    page: Page, console: SeededConsole, facts: None, pictures: pathlib.Path | None
) -> None:
    page.goto(f"{console.address}/entities/customer_id/customer-1")
    expect(page.locator("#decisions-table tbody tr")).to_have_count(6)
    expect(page.locator("#features-table")).to_contain_text("payments_1h")
    page.get_by_label("A note for whoever").fill("<b>Called</b> on Monday.")
    page.get_by_role("button", name="Write").click()
    expect(page.locator("[data-note]")).to_contain_text("<b>Called</b> on Monday.")
    page.get_by_role("button", name="Add to blocked_devices").click()
    page.get_by_label("Why").fill("stolen")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-list=blocked_devices]")).to_contain_text("stolen")
    page.get_by_role("button", name="Remove from blocked_devices").click()
    expect(page.locator("[data-list=blocked_devices]")).not_to_contain_text("stolen")
    page.get_by_role("button", name="Set risk").click()
    page.get_by_label("Value").fill("0.25")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("[data-fact=risk]")).to_contain_text("override")
    expect(page.locator("[data-fact=risk]")).to_contain_text("0.25")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        if pictures:
            page.screenshot(path=pictures / f"entity_{theme}.png", full_page=True)
        assert faults_of_axe(page) == []
    page.get_by_role("button", name="End risk").click()
    expect(page.locator("[data-fact=risk]")).to_contain_text("not said")


def test_a_hostile_id_is_shown_as_text_and_can_be_written_of(page: Page, console: SeededConsole) -> None:
    console.pay(HOSTILE, 9.0)
    page.goto(f"{console.address}/entities/customer_id/{quote(HOSTILE, safe='')}")
    expect(page.locator("#decisions-table tbody tr")).to_have_count(1)
    page.get_by_label("A note for whoever").fill(HOSTILE)
    page.get_by_role("button", name="Write").click()
    expect(page.locator("[data-note]")).to_contain_text("</td><script>")
    assert "broken" not in page.title().split("script")[0]
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_one_damaged_decision_hides_no_other() -> None:
    whole = {"event_id": "1", "event_time": 5, "action": "block", "event": {"amount": 1234.5, "latitude": None}}
    rows = rows_of([whole, {"event_id": "2", "score": "high"}, None, 7])
    assert [(row.event_id, row.is_whole) for row in rows] == [("1", True), ("2", False), ("", False), ("", False)]
    assert rows[0].amount == "amount 1,234.50"
