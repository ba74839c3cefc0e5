"""The page of what is supported says what is there."""

import pathlib
from collections.abc import Iterable

import pytest

from features.expressions.functions.functions import STANDARD
from features.expressions.functions.overloads import Overload
from features.expressions.functions.types import Type
from features.expressions.syntax import bounds

PAGE = pathlib.Path(__file__).parents[3].joinpath("features", "expressions", "SUPPORTED.md").read_text()
LIMITS = [name for name in vars(bounds) if name.isupper()]


def supported_table() -> str:
    """A table in Markdown: each operator or function with its forms and what each gives."""
    rows = ["| name | forms |", "|---|---|"]
    for name in dict.fromkeys(overload.name for overload in STANDARD.all()):
        rows.append(f"| `{name.removesuffix('_').replace('|', chr(92) + '|')}` | {', '.join(_forms(STANDARD.named(name)))} |")
    return "\n".join(rows) + "\n"


def _forms(overloads: Iterable[Overload]) -> list[str]:
    return [f"`{_written(overload)} → {overload.result.value}`" for overload in overloads]


def _written(overload: Overload) -> str:
    if overload.style != "either":
        return overload.signature
    types = [type.value for type in overload.arguments if type in Type]
    return f"{types[0]}.{overload.name}({', '.join(types[1:])})"


def test_the_page_ends_with_the_table_of_what_exists() -> None:
    assert PAGE.endswith(supported_table())


@pytest.mark.parametrize("name", LIMITS)
def test_the_page_gives_every_bound(name: str) -> None:
    assert f"{getattr(bounds, name):,}" in PAGE
