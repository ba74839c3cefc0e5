"""Reads texts with values in them, such as ``{probe.count} probes, then {event.amount}``."""

import re

from foundation.document import Section
from foundation.place import Mark, Place, Source
from patterns.language.formula_reader import FormulaReader
from patterns.language.pattern import Formula, Template
from patterns.language.said import read_said

VALUES_MAX = 16
"""The maximum number of values in one text."""
_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def read_template(section: Section, formulas: FormulaReader) -> Template:
    """Reads a text; ``{expression}`` stands for a value, ``{{`` and ``}}`` for braces.

    Raises:
        Refusal: a brace has no partner, there are too many values, or `formulas` refuses one.
    """
    text = read_said(section)
    source = Source(text, section.text_place())
    parts: list[str | Formula] = []
    at = 0
    for match in _PART.finditer(text):
        parts.append(text[at : match.start()])
        at = match.end()
        if match[0] in ("{{", "}}"):
            parts.append(match[0][0])
        elif match[1] is None:
            source.refuse(_mark(text, match.start()), "brace without a partner", "a value in braces, or {{ and }} for braces", match[0])
        else:
            parts.append(formulas.formula_of(match[1], _inside(source.place, text, match.start() + 1)))
    parts.append(text[at:])
    if sum(isinstance(part, Formula) for part in parts) > VALUES_MAX:
        section.refuse("too many values", f"at most {VALUES_MAX} values in one text", "more")
    return Template(text, _joined(parts))


def _mark(text: str, offset: int) -> Mark:
    return Mark(text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1)


def _inside(place: Place, text: str, offset: int) -> Place:
    """Returns the place of what begins at `offset` of a text that begins at `place`."""
    mark = _mark(text, offset)
    column = mark.column + (place.column - 1 if mark.line == 1 else place.indent)
    return Place(place.source, place.line + mark.line - 1, column, place.indent)


def _joined(parts: list[str | Formula]) -> tuple[str | Formula, ...]:
    """Returns `parts` with texts that follow each other made one, and without empty ones."""
    joined: list[str | Formula] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)
