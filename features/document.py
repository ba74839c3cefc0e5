"""YAML definitions read with their positions, so that every refusal names line and column."""

import datetime
import difflib
import re
from collections.abc import Iterator, Sequence
from typing import NoReturn

import yaml

from features.expressions.place import Place
from features.refusal import Refusal

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d|w)")
_DAY_CHARACTERS = len("2000-01-01")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


class Section:
    """One YAML mapping, list or scalar, with the place it stands at.

    Readers are named for the type they give and refuse anything else. `only` refuses names that nothing reads.
    """

    def __init__(self, node: yaml.Node, source: str) -> None:
        self._node = node
        self._source = source

    @property
    def where(self) -> str:
        """``file:line:column``, both from 1."""
        mark = self._node.start_mark
        return f"{self._source}:{mark.line + 1}:{mark.column + 1}"

    def text_place(self) -> Place:
        """Where the text of a scalar itself begins: past a quote, or on the line below the mark of a block."""
        mark, style = self._node.start_mark, getattr(self._node, "style", None)
        line, column = mark.line + 1, mark.column + 1
        if style in ("'", '"'):
            return Place(self._source, line, column + 1)
        if style not in ("|", ">") or mark.buffer is None:
            return Place(self._source, line, column)
        rows = mark.buffer[mark.pointer :].split("\n")
        first = next((row for row in rows[1:] if row.strip()), "")
        indent = len(first) - len(first.lstrip(" "))
        return Place(self._source, line + 1, indent + 1, indent)

    def refuse(self, what: str, expected: str, got: object = None, remedy: str = "") -> NoReturn:
        """Raises a `Refusal` that points here."""
        raise Refusal(what, where=self.where, expected=expected, got=self.plain() if got is None else got, remedy=remedy)

    def plain(self) -> object:
        """The value as plain Python objects."""
        return _plain(self._node)

    def is_mapping(self) -> bool:
        return isinstance(self._node, yaml.MappingNode)

    def is_list(self) -> bool:
        return isinstance(self._node, yaml.SequenceNode)

    def names(self) -> list[str]:
        """The names of a mapping, in order."""
        return [str(key.value) for key, _ in self._pairs()]

    def only(self, *allowed: str) -> None:
        """Refuses a mapping that has a name outside `allowed` or one name twice."""
        seen: set[str] = set()
        for key, _ in self._pairs():
            name = str(key.value)
            here = Section(key, self._source)
            if name not in allowed:
                near = difflib.get_close_matches(name, allowed, n=1)
                here.refuse("unknown field", "one of " + ", ".join(allowed), name, f"did you mean {near[0]}?" if near else "")
            if name in seen:
                here.refuse("field given twice", "each field once", name)
            seen.add(name)

    def has(self, name: str) -> bool:
        return any(key.value == name for key, _ in self._pairs())

    def at(self, name: str) -> "Section":
        """The value under `name`, which must be there."""
        for key, value in self._pairs():
            if key.value == name:
                return Section(value, self._source)
        return self.refuse("missing field", f"a field {name}", ", ".join(self.names()) or "an empty mapping")

    def items(self) -> Iterator["Section"]:
        """The elements of a list."""
        if not isinstance(self._node, yaml.SequenceNode):
            self.refuse("wrong type", "a list")
        for child in self._node.value:
            yield Section(child, self._source)

    def text(self) -> str:
        value = self.plain()
        if not isinstance(value, str):
            self.refuse("wrong type", "a text")
        return value

    def integer(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        value = self.plain()
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.refuse("not in range", f"a whole number from {low} to {high}")
        return value

    def number(self, low: float, high: float) -> float:
        """A number in [low, high]."""
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
        """One of `options`; a miss names the nearest."""
        value = str(self.plain())
        if value not in options:
            near = difflib.get_close_matches(value, options, n=1)
            self.refuse("unknown value", "one of " + ", ".join(options), value, f"did you mean {near[0]}?" if near else "")
        return value

    def duration_ms(self) -> int:
        """A length of time such as ``30d``, ``10m`` or ``500ms``, in milliseconds, above 0."""
        match = _DURATION.fullmatch(str(self.plain()))
        if not match or int(match[1]) == 0:
            self.refuse("not a duration", "a whole number with a unit: ms, s, m, h, d or w")
        return int(match[1]) * _UNIT_MS[match[2]]

    def moment_ms(self) -> int:
        """A day such as ``2000-01-01``, which begins at midnight UTC, or a time in RFC 3339 with a zone, in ms since the epoch.

        It is not before 1970.
        """
        text = str(self._node.value)
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            moment = None
        if moment is not None and len(text) == _DAY_CHARACTERS:
            moment = moment.replace(tzinfo=datetime.UTC)
        if moment is None or moment.tzinfo is None or moment < _EPOCH:
            self.refuse("not a moment", "a day such as 2000-01-01, or a time in RFC 3339 with a zone, from 1970 on", text)
        return (moment - _EPOCH) // datetime.timedelta(milliseconds=1)

    def _pairs(self) -> list[tuple[yaml.Node, yaml.Node]]:
        if not isinstance(self._node, yaml.MappingNode):
            self.refuse("wrong type", "a mapping of names to values")
        pairs: list[tuple[yaml.Node, yaml.Node]] = self._node.value
        return pairs


def read_document(text: str, source: str) -> Section:
    """Parses `text` as one YAML document.

    Raises:
        Refusal: it is not YAML, is empty, or nests deeper than aliases and sanity allow.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        got = getattr(error, "problem", None) or "bytes that do not parse"
        raise Refusal("not YAML", where=place, expected="a YAML document", got=got) from error
    if node is None:
        raise Refusal("empty document", where=source, expected="a YAML document", got="nothing")
    return Section(node, source)


def _plain(node: yaml.Node) -> object:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        return str(error)
    finally:
        loader.dispose()
