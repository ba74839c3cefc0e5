"""What axe finds in a page of the console. For tests only."""

import pathlib

import pytest
from playwright.sync_api import Page

AXE = pathlib.Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def faults_of_axe(page: Page) -> list[str]:
    """What axe finds; it is given to the browser past the policy of the page, which lets no other script run.

    It waits for running transitions first: halfway between two themes a colour has the contrast of neither.
    """
    if not AXE.exists():
        pytest.skip("no axe-core: npm ci in the folder console installs it")
    cdp = page.context.new_cdp_session(page)
    frame = cdp.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    world = cdp.send("Page.createIsolatedWorld", {"frameId": frame})["executionContextId"]
    cdp.send("Runtime.evaluate", {"expression": AXE.read_text() + ";0", "contextId": world})
    said = "one.nodes.map(node => `${one.id}: ${node.html} ${node.failureSummary}`)"
    still = "Promise.allSettled(document.getAnimations().map(one => one.finished))"
    run = f"axe.run(document, {{runOnly: {TAGS}}}).then(found => found.violations.flatMap(one => {said}))"
    expression = f"{still}.then(() => {run})"
    answer = cdp.send("Runtime.evaluate", {"expression": expression, "contextId": world, "awaitPromise": True, "returnByValue": True})
    cdp.detach()
    found: list[str] = answer["result"]["value"]
    return found
