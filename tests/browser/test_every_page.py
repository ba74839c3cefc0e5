"""Every page of the console in both themes: accessible by axe's rules, without a fault, and no wider than its window, also on a phone.

No table of it has to be scrolled sideways on either; on a phone the cells of wide ones say of which column they are.
"""

import pathlib
from collections.abc import Iterator

import pytest
from axe_rules import faults_of_axe
from playwright.sync_api import Page as Opened
from remembering_receivers import RememberingReceiver
from seeded_console import SeededConsole

from api.console.page_list import PAGES
from api.webhooks.webhook_shapes import NewWebhook

PARTS = {
    "/entities/{kind}/{id:path}": "/entities/customer_id/customer-1",
    "/rules/{id}": "/rules/velocity",
    "/lists/{name}": "/lists/blocked_devices",
    "/models/named/{name}": "/models/named/own_amount",
    "/features/{name}": "/features/usual_amount_30d",
}
"""A page that shows one of many, and which one it shows here; those of a case and of a delivery have ids of this run."""
FITS = "document.documentElement.scrollWidth <= innerWidth"
TOO_WIDE = "[...document.querySelectorAll('.scroll')].filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)"
NAMELESS = "[...document.querySelectorAll('table:has(th:nth-child(4)) > tbody td')].filter(cell => cell.dataset.label === undefined).length"
PHONE, DESK = ({"width": 390, "height": 800}, {"width": 1280, "height": 800})


@pytest.fixture(scope="module")
def addresses(console: SeededConsole) -> Iterator[dict[str, str]]:
    """The address of each page by its path, and that of signing in."""
    webhooks = console.system.client.webhooks
    with RememberingReceiver() as receiver:
        webhook = webhooks.make(NewWebhook(receiver.url, "the pager", types=["webhook.test"])).id
        webhooks.test(webhook)
        [delivery] = console.system.wait_for(lambda: webhooks.deliveries(webhook, ["delivered"]).deliveries, "a message")
        one_case, one_delivery = f"/cases/{console.cases()[0].id}", f"/deliveries/{webhook}/{delivery.number}"
        made = PARTS | {"/cases/{id}": one_case, "/deliveries/{webhook}/{number}": one_delivery}
        yield made | {path: path for path in ("/sign-in", *(page.path for page in PAGES)) if "{" not in path}
        webhooks.remove(webhook)


@pytest.mark.parametrize("path", ["/sign-in", *(page.path for page in PAGES)])
def test_a_page_has_no_fault_that_axe_finds_and_is_no_wider_than_its_window(
    page: Opened, console: SeededConsole, addresses: dict[str, str], path: str, pictures: pathlib.Path | None
) -> None:
    page.set_viewport_size(DESK)
    page.goto(console.address + addresses[path])
    page.wait_for_load_state("networkidle")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        for window in (DESK, PHONE):
            page.set_viewport_size(window)
            if pictures:
                name = f"{path.strip('/').replace('/', '_')}_{theme}_{window['width']}.png"
                page.screenshot(path=pictures / name, full_page=window == PHONE)
            # Plots follow a moment later, and so do the cells' names: the browser tells its scripts of a narrow window once it draws it.
            console.system.wait_for(lambda: page.evaluate(FITS), f"{path} within {window}")
            if window == PHONE:
                console.system.wait_for(lambda: page.evaluate(NAMELESS) == 0, f"cells of {path} that say of which column they are")
            assert page.evaluate(TOO_WIDE) == [], f"tables of {path} have to be scrolled sideways within {window}"
        page.set_viewport_size(DESK)
        assert faults_of_axe(page) == [], theme
