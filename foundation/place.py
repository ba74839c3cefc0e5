"""Points with a caret at what is wrong in an expression."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from foundation.refusal import Refusal

_SHOWN_BEFORE = 60
_SHOWN_AFTER = 40


@dataclass(frozen=True)
class Place:
    """Says where an expression begins: line and column of its first character, both from 1.

    Args:
        indent: number of characters before each later line in the file that are not part of the expression.
    """

    source: str = "expression"
    line: int = 1
    column: int = 1
    indent: int = 0

    def at(self, line: int, column: int) -> str:
        """Returns ``source:line:column`` of a place inside the expression, given relative to its start."""
        return f"{self.source}:{self.line + line - 1}:{column + (self.column - 1 if line == 1 else self.indent)}"


@dataclass(frozen=True)
class Mark:
    """A position inside an expression, line and column from 1."""

    line: int
    column: int


class ExpressionRefusal(Refusal):
    """The expression is not accepted.

    Args:
        excerpt: the line of the expression, and below it a caret under the position.
    """

    def __init__(self, what: str, *, where: str, expected: str, got: object, remedy: str = "", excerpt: str = "") -> None:
        super().__init__(what, where=where, expected=expected, got=got, remedy=remedy)
        self.excerpt = excerpt

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.excerpt}"

    def fields(self) -> dict[str, str]:
        return {**super().fields(), "excerpt": self.excerpt}


def refusal_of(fields: Mapping[str, str]) -> Refusal:
    """Returns the refusal whose `fields` another process sent."""
    return ExpressionRefusal(**fields) if "excerpt" in fields else Refusal(**fields)


@dataclass(frozen=True)
class Source:
    """Holds the text of an expression and where it stands."""

    text: str
    place: Place

    def refuse(self, at: Mark, what: str, expected: str, got: object, remedy: str = "") -> NoReturn:
        """Raises an `ExpressionRefusal` that points at `at`."""
        where = self.place.at(at.line, at.column)
        raise ExpressionRefusal(what, where=where, expected=expected, got=got, remedy=remedy, excerpt=self._excerpt(at))

    def _excerpt(self, at: Mark) -> str:
        lines = self.text.split("\n")
        line = lines[at.line - 1] if at.line <= len(lines) else ""
        start = max(0, at.column - 1 - _SHOWN_BEFORE)
        shown = line[start : at.column - 1 + _SHOWN_AFTER].replace("\t", " ").rstrip("\r")
        return f"  {shown}\n  {' ' * (at.column - 1 - start)}^"
