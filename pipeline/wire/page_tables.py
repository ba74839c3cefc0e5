"""The tables of ``docs/wire-format.md``: the declaration as a reader sees it."""

import re

from pipeline.wire.declaration import CARRIED, EXCHANGED, LETTERS
from pipeline.wire.layout import Layout, Letter

_MARK = re.compile(r"(<!-- table of (\w+) -->\n).*?(<!-- end of the table -->)", re.DOTALL)


def tables() -> dict[str, str]:
    """A table in Markdown for each layout and each alphabet, by its name."""
    of_letters = {letters.__name__: _table_of_letters(letters) for letters in LETTERS}
    return of_letters | {layout.name: _table_of_layout(layout) for layout in (*EXCHANGED, *CARRIED)}


def with_tables(page: str) -> str:
    """`page` with each marked table written anew.

    Raises:
        KeyError: a mark names neither a layout nor an alphabet.
    """
    made = tables()
    return _MARK.sub(lambda found: found[1] + made[found[2]] + found[3], page)


def marked(page: str) -> list[str]:
    """The names of the tables in `page`, in order."""
    return [found[2] for found in _MARK.finditer(page)]


def _table_of_layout(layout: Layout) -> str:
    rows = [f"| {layout.at(field.name)} | {field.type} | `{field.name}` | {field.meaning} |" for field in layout.fields]
    return "\n".join(["| offset | type | field | meaning |", "|---|---|---|---|", *rows, f"| {layout.size} | | | |", ""])


def _table_of_letters(letters: type[Letter]) -> str:
    rows = [f"| `{letter}` | `{name}` | {letter.meaning} |" for name, letter in letters.__members__.items()]
    return "\n".join(["| letter | name | meaning |", "|---|---|---|", *rows, ""])
