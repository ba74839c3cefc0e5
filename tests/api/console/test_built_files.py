"""The committed scripts and styles are small, and all that pages name; `tests/browser/test_committed_scripts.py` builds them again."""

import gzip
import json
import pathlib
import re

import pytest

from api.console.assets import FOLDER, asset_path, manifest
from api.console.page_list import PAGES

SOURCES = pathlib.Path(__file__).parents[3] / "console"
SCRIPT_BYTES_MAX = 61_440
"""Of a page, compressed."""


def test_every_page_with_a_script_has_one_that_was_built() -> None:
    assert [page.name for page in PAGES if page.has_script and f"{page.name}.js" not in manifest()] == []


@pytest.mark.parametrize("page", ["queue", "case"])
def test_the_pages_of_an_analyst_load_few_bytes_of_script(page: str) -> None:
    script = (FOLDER / asset_path(f"{page}.js").rpartition("/")[2]).read_bytes()
    assert len(gzip.compress(script)) <= SCRIPT_BYTES_MAX
    assert not re.search(rb'["\']\./[\w.-]+\.js["\']', script), "a chain of files delays the first paint"


def test_the_lock_names_no_host_and_each_package_has_its_hash() -> None:
    packages = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    assert [name for name, about in packages.items() if name and ("resolved" in about or "integrity" not in about)] == []
