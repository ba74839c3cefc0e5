"""Pages name only files and sections that are there."""

import pathlib
import re

import pytest

from deploy.doctor.doctor import _CHECKS

PROJECT = pathlib.Path(__file__).parents[2]
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
OF_NOW = [page for page in PAGES if page.parent.name != "decisions" and page.name != "CHANGELOG.md"]
"""Pages that say how things are; a decision says how they were when it was taken."""


PACKAGES = "foundation|detectors|features|patterns|stores|alerts|pipeline|api|deploy|weir|tests"
MODULE = re.compile(rf"`((?:{PACKAGES})/[\w/.]+?\.(?:py|java|toml|xml))`")


def named(page: pathlib.Path) -> str:
    return str(page.relative_to(PROJECT))


def anchors_of(page: pathlib.Path) -> set[str]:
    """The names under which sections of a page can be linked to, made of their titles as web pages of repositories do."""
    titles = re.findall(r"^#+ (.*)", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_of_a_page_leads_somewhere(page: pathlib.Path) -> None:
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        if "://" not in target:
            file = page.parent / path if path else page
            if not file.exists() or (anchor and anchor not in anchors_of(file)):
                lost.append(target)
    assert lost == []


@pytest.mark.parametrize("page", OF_NOW, ids=named)
def test_every_module_that_a_page_names_is_there(page: pathlib.Path) -> None:
    paths = MODULE.findall(page.read_text())
    assert [path for path in paths if not (PROJECT / path).exists()] == []


def test_the_index_of_decisions_names_each_by_its_title() -> None:
    folder = PROJECT / "docs" / "decisions"
    named_ones = dict(re.findall(r"^\| \[\d{4}\]\(([^)]+)\) \| (.*) \|$", (folder / "README.md").read_text(), re.MULTILINE))
    titles = {page.name: re.sub(r"^# (\d{4})[.:]? *", "", page.read_text().splitlines()[0]) for page in folder.glob("0*.md")}
    assert named_ones == titles


@pytest.mark.parametrize("page", ["getting-started.md", "operating.md"])
def test_a_page_about_the_doctor_names_each_of_its_lines(page: str) -> None:
    text = (PROJECT / "docs" / page).read_text()
    assert [check for check in _CHECKS if check not in text] == []
