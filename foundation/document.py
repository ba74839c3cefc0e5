"""Reads YAML definitions by the types that the caller asks for, so that every refusal names line and column."""

import datetime
import difflib
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NoReturn

from foundation.place import Place
from foundation.refusal import Refusal
from foundation.yaml_tree import Node, read_tree

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"([0-9]{1,15})(ms|s|m|h|d|w)")
_SPOKEN_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*([a-z]*)")
_SPOKEN_UNITS = {
    "s": ("sec", "secs", "second", "seconds"),
    "m": ("min", "mins", "minute", "minutes"),
    "h": ("hr", "hrs", "hour", "hours"),
    "d": ("day", "days"),
    "w": ("week", "weeks"),
}
_SHARE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(%|/[0-9]{1,12})")
_DAY_MS = _UNIT_MS["d"]
_DAY_CHARACTERS = len("2000-01-01")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Section:
    """Holds one YAML mapping, list or scalar with its place in the file.

    Each reading method is named for the type that it returns, and refuses anything else. `only` refuses names that nothing reads.
    """

    def __init__(self, node: Node, source: str) -> None:
        self._node = node
        self._source = source

    @property
    def where(self) -> str:
        """Returns ``file:line:column``, line and column from 1."""
        return f"{self._source}:{self._node.line}:{self._node.column}"

    def text_place(self) -> Place:
        """Returns the place where the text of a scalar begins: after a quote, or on the line below the start of a block."""
        return Place(self._source, *self._node.content)

    def refuse(self, what: str, expected: str, got: object = None, remedy: str = "") -> NoReturn:
        """Raises a `Refusal` that points here."""
        raise Refusal(what, where=self.where, expected=expected, got=self.plain() if got is None else got, remedy=remedy)

    def plain(self) -> object:
        """Returns the value as plain Python objects."""
        return self._node.plain()

    def is_mapping(self) -> bool:
        return isinstance(self._node.value, dict)

    def is_list(self) -> bool:
        return isinstance(self._node.value, list)

    def names(self) -> list[str]:
        """Returns the names of a mapping, in order."""
        return list(self._pairs())

    def entries(self) -> Iterator[tuple["Section", "Section"]]:
        """Yields the names and values of a mapping, in order."""
        for name, value in self._pairs().values():
            yield Section(name, self._source), Section(value, self._source)

    def only(self, *allowed: str) -> None:
        """Refuses a mapping that has a name not in `allowed`."""
        for name, (node, _) in self._pairs().items():
            if name not in allowed:
                near = difflib.get_close_matches(name, allowed, n=1)
                remedy = f"did you mean {near[0]}?" if near else ""
                Section(node, self._source).refuse("unknown field", "one of " + ", ".join(allowed), name, remedy)

    def with_texts(self, names: Collection[str], change: Callable[["Section"], str | None]) -> "Section":
        """Returns this with the texts that `change` gives in the place of scalars under one of `names`; None: a scalar stays."""
        return Section(self._node.with_texts(names, lambda node: change(Section(node, self._source)), self._source), self._source)

    def has(self, name: str) -> bool:
        return name in self._pairs()

    def at(self, name: str) -> "Section":
        """Returns the value under `name`; refuses a mapping without it."""
        pairs = self._pairs()
        if name not in pairs:
            self.refuse("missing field", f"a field {name}", ", ".join(pairs) or "an empty mapping")
        return Section(pairs[name][1], self._source)

    def items(self) -> Iterator["Section"]:
        """Yields the elements of a list."""
        if not isinstance(self._node.value, list):
            self.refuse("wrong type", "a list")
        for child in self._node.value:
            yield Section(child, self._source)

    def text(self) -> str:
        value = self.plain()
        if not isinstance(value, str):
            written = self._node.text
            self.refuse("wrong type", "a text", remedy=f'quote it: "{written}"' if written else "")
        return value

    def integer(self, low: int, high: int) -> int:
        """Returns an integer in [low, high]."""
        value = self.plain()
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.refuse("not in range", f"a whole number from {low} to {high}")
        return value

    def number(self, low: float, high: float) -> float:
        """Returns a number in [low, high]."""
        value = self.plain()
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self.refuse("not in range", f"a number from {low:g} to {high:g}")
        return float(value)

    def flag(self) -> bool:
        value = self.plain()
        if not isinstance(value, bool):
            self.refuse("wrong type", "true or false")
        return value

    def choice(self, options: Sequence[str]) -> str:
        """Returns one of `options`; the refusal of another value names the nearest one."""
        value = self._written()
        if value not in options:
            near = difflib.get_close_matches(value, options, n=1)
            self.refuse("unknown value", "one of " + ", ".join(options), value, f"did you mean {near[0]}?" if near else "")
        return value

    def duration_ms(self, least_ms: int = 1) -> int:
        """Returns a length of time such as ``30d``, ``10m`` or ``500ms`` in milliseconds; it is at least `least_ms`."""
        match = _DURATION.fullmatch(self._written())
        expected = "a whole number with a unit: ms, s, m, h, d or w"
        if not match:
            self.refuse("not a duration", expected, remedy=_duration_remedy(self._written()))
        length_ms = int(match[1]) * _UNIT_MS[match[2]]
        if length_ms < least_ms:
            self.refuse("duration too short", f"{expected}; at least {least_ms}ms")
        return length_ms

    def moment_ms(self) -> int:
        """Returns a moment from 1970 on, in ms since the epoch.

        It is written as a day such as ``2000-01-01``, which begins at midnight UTC, or as a time in RFC 3339 with a zone.
        """
        text = self._written()
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is not None and len(text) == _DAY_CHARACTERS:
            moment = moment.replace(tzinfo=datetime.UTC)
        if moment is None or moment.tzinfo is None or moment < _EPOCH:
            self.refuse("not a moment", "a day such as 2000-01-01, or a time in RFC 3339 with a zone, from 1970 on", text)
        return (moment - _EPOCH) // datetime.timedelta(milliseconds=1)

    def end_ms(self) -> int:
        """Returns the moment, as `moment_ms` does, until which something holds (exclusive). It holds on the whole of a day."""
        return self.moment_ms() + (_DAY_MS if len(self._written()) == _DAY_CHARACTERS else 0)

    def share(self, low: float, high: float) -> float:
        """Returns a share in [low, high], which is written as a number, as a percentage such as ``0.2%``, or as ``1/1000``."""
        text = self._written()
        match = _SHARE.fullmatch(text)
        whole = 0.0 if match is None else 100.0 if match[2] == "%" else float(match[2][1:])
        if match is None and isinstance(self.plain(), int | float):
            return self.number(low, high)
        if match is None or whole == 0.0 or not low <= float(match[1]) / whole <= high:
            close = _SHARE.fullmatch(text.replace(" ", ""))
            remedy = f"write {close[0]}" if match is None and close is not None else ""
            self.refuse("not a share", f"a share from {low:g} to {high:g}, such as 0.002, 0.2% or 1/500", text, remedy)
        return float(match[1]) / whole

    def _written(self) -> str:
        """Returns the text of a scalar, whatever its type, and other values as Python shows them."""
        return str(self.plain()) if self.is_mapping() or self.is_list() else self._node.text

    def _pairs(self) -> dict[str, tuple[Node, Node]]:
        if not isinstance(self._node.value, dict):
            self.refuse("wrong type", "a mapping of names to values")
        return self._node.value


def _duration_remedy(text: str) -> str:
    """Returns how a length of time is written that was meant by `text`, such as ``10 minutes`` or ``1.5h``; '' where nobody knows."""
    match = _SPOKEN_DURATION.fullmatch(text.strip().lower())
    if match is None:
        return ""
    if not match[2]:
        return f"write the unit: {match[1]}s, or {match[1]}m" if match[1].isdigit() else ""
    unit = next((unit for unit in _UNIT_MS if match[2] == unit or match[2] in _SPOKEN_UNITS.get(unit, ())), "")
    length_ms = float(match[1]) * _UNIT_MS.get(unit, 0)
    return f"write {duration_text(int(length_ms))}" if length_ms > 0 and length_ms == int(length_ms) else ""


def duration_text(length_ms: int) -> str:
    """Returns a length of time as `Section.duration_ms` reads it, in the largest unit of which it is a whole number up to days."""
    unit = next(unit for unit in ("d", "h", "m", "s", "ms") if length_ms % _UNIT_MS[unit] == 0)
    return f"{length_ms // _UNIT_MS[unit]}{unit}"


def read_document(text: str, source: str) -> Section:
    """Parses `text` as one YAML document; see `foundation.yaml_tree.read_tree` for what is accepted.

    Raises:
        Refusal: the text is not YAML, is empty, or exceeds the bounds; names line and column.
    """
    return Section(read_tree(text, source), source)
