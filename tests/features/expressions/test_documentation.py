"""The page of what is supported says what is there."""

import pathlib

import pytest

from features.expressions.functions.supported import supported_table
from features.expressions.syntax import bounds

PAGE = pathlib.Path(__file__).parents[3].joinpath("features", "expressions", "SUPPORTED.md").read_text()
LIMITS = [name for name in vars(bounds) if name.isupper()]


def test_the_page_ends_with_the_table_of_what_exists() -> None:
    assert PAGE.endswith(supported_table())


@pytest.mark.parametrize("name", LIMITS)
def test_the_page_gives_every_bound(name: str) -> None:
    assert f"{getattr(bounds, name):,}" in PAGE
