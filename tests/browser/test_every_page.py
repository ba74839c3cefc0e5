"""Every page of the console in both themes: accessible by axe's rules, and without a fault."""

import pathlib

import pytest
from axe_rules import faults_of_axe
from playwright.sync_api import Page as Opened
from seeded_console import SeededConsole

from api.console.page_list import PAGES

OPENED = [page.path for page in PAGES if "{" not in page.path]


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
