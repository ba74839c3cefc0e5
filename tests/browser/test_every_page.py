"""Every page of the console in both themes: accessible by axe's rules, and without a fault."""

import pathlib

import pytest
from playwright.sync_api import Page as Opened
from seeded_console import SeededConsole

from api.console.page_list import PAGES

AXE = pathlib.Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPENED = [page.path for page in PAGES if page.label]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", OPENED)
def test_a_page_has_no_fault_that_axe_finds(
    page: Opened, console: SeededConsole, path: str, theme: str, pictures: pathlib.Path | None
) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto(console.address + path)
    page.wait_for_load_state("networkidle")
    if pictures:
        page.screenshot(path=pictures / f"{path.strip('/').replace('/', '_')}_{theme}.png")
    assert faults_of_axe(page) == []


def faults_of_axe(page: Opened) -> list[str]:
    """What axe finds; it is given to the browser past the policy of the page, which lets no other script run."""
    if not AXE.exists():
        pytest.skip("no axe-core: npm ci in the folder console installs it")
    cdp = page.context.new_cdp_session(page)
    frame = cdp.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    world = cdp.send("Page.createIsolatedWorld", {"frameId": frame})["executionContextId"]
    cdp.send("Runtime.evaluate", {"expression": AXE.read_text() + ";0", "contextId": world})
    said = "one.nodes.map(node => `${one.id}: ${node.html} ${node.failureSummary}`)"
    expression = f"axe.run(document, {{runOnly: {TAGS}}}).then(found => found.violations.flatMap(one => {said}))"
    answer = cdp.send("Runtime.evaluate", {"expression": expression, "contextId": world, "awaitPromise": True, "returnByValue": True})
    cdp.detach()
    found: list[str] = answer["result"]["value"]
    return found
