"""Says what a match found: the values that its conditions read, and its reason in words."""

import datetime
from collections.abc import Mapping

from features.expressions.functions.column import Column, Fault, Value
from features.expressions.functions.types import Type
from patterns.language.pattern import Formula, Pattern, Template
from patterns.matches import Found
from patterns.rules.formulas import CompiledFormula

VALUES_MAX = 16
"""The maximum number of values of a match: those that the rule reads first."""
TEXT_CHARACTERS_MAX = 200
REASON_CHARACTERS_MAX = 400
_MISSING = "?"
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Wording:
    """Words the matches of one rule.

    Args:
        pattern: the rule.
    """

    def __init__(self, pattern: Pattern) -> None:
        reason = pattern.then.reason or Template(pattern.title, (pattern.title,))
        formulas = [part for part in reason.parts if isinstance(part, Formula)]
        self._parts = [CompiledFormula(part) if isinstance(part, Formula) else part for part in reason.parts]
        conditions = [] if pattern.when is None else [pattern.when]
        read = (name for formula in (*conditions, *formulas) for name in formula.names)
        self._names = tuple(dict.fromkeys(read))[:VALUES_MAX]

    def found(self, columns: Mapping[str, Column], rows: list[int], n: int) -> list[Found]:
        """Returns what the matches at `rows` found.

        Args:
            columns: of a batch of n events.
        """
        values = [(name, columns[name]) for name in self._names]
        parts = [part if isinstance(part, str) else part.over(columns, n) for part in self._parts]
        return [Found({name: _plain(column, row) for name, column in values}, _worded(parts, row)) for row in rows]


def _worded(parts: list[str | Column], row: int) -> str:
    text = "".join(part if isinstance(part, str) else _shown(part, row) for part in parts)
    return text[:REASON_CHARACTERS_MAX]


def _shown(column: Column, row: int) -> str:
    value = _plain(column, row)
    if value is None:
        return _MISSING
    if column.type is Type.BOOL:
        return "true" if value else "false"
    return value if isinstance(value, str) else str(int(value)) if column.type is Type.INT else f"{value:.6g}"


def _plain(column: Column, row: int) -> float | str | None:
    """Returns a value as JSON can say it: a moment as RFC 3339, a duration in seconds; None where there is none."""
    value = column.item(row)
    if isinstance(value, Fault):
        return None
    if isinstance(value, str):
        return value[:TEXT_CHARACTERS_MAX]
    return _of_time(column.type, value) if column.type in (Type.TIMESTAMP, Type.DURATION) else float(value)


def _of_time(type: Type, microseconds: Value) -> float | str:
    if type is Type.DURATION:
        return float(microseconds) / 1e6
    return (_EPOCH + datetime.timedelta(microseconds=int(microseconds))).isoformat()
