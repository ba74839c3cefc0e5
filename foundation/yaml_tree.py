"""Reads the part of YAML that definitions use into a tree with positions, which is bounded before anything is built.

It accepts only what every YAML reader reads alike: mappings with names, lists, texts, decimal numbers, true, false
and null. It refuses anchors, aliases, merge keys, tags and second documents.
"""

import contextlib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, NoReturn

import yaml

from foundation.refusal import Refusal
from foundation.yaml_faults import IN_A_BLOCK, refuse_fault
from foundation.yaml_scalars import Scalar, scalar_of

CHARACTERS_MAX: Final = 1 << 20
NODES_MAX: Final = 100_000
"""The maximum number of mappings, lists, names and values; about 13 µs of CPU each, so that a document costs 2 s at most."""
DEPTH_MAX: Final = 32
"""The maximum depth of mappings and lists inside each other."""

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_BYTE_ORDER_MARK = "\ufeff"
_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's parser in C: twenty times as fast. What it refuses the one in Python reads again, whose faults have known words and places."""
_READ_DIFFERENTLY = re.compile(r"[\t\ufeff\ud800-\udfff]|[|>][-+0-9]*#")
"""What the two parsers do not take alike; a text with any of it goes to the parser in Python alone."""
_STANDARD_TAG = "tag:yaml.org,2002:"
Event = Any
"""An event of PyYAML, whose published types lack marks, anchors and values."""


@dataclass(frozen=True, slots=True)
class Node:
    """Holds one mapping, list or scalar with the place where it begins.

    Args:
        value: a scalar's value; a list's nodes; for a mapping, by name, the nodes of the name and of the value.
        line: line, from 1.
        column: column in characters, from 1.
        text: a scalar as it is written, without quotes; '' for others.
        content: for a scalar, line and column where its text begins, and the indent of its later lines.
    """

    value: "Scalar | list[Node] | dict[str, tuple[Node, Node]]"
    line: int
    column: int
    text: str = ""
    content: tuple[int, int, int] = (1, 1, 0)

    def plain(self) -> object:
        """Returns the value as plain Python objects."""
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        if isinstance(self.value, dict):
            return {name: value.plain() for name, (_, value) in self.value.items()}
        return self.value

    def with_texts(self, names: Collection[str], change: Callable[["Node"], str | None], source: str) -> "Node":
        """Returns this with other texts in the place of scalars that stand under one of `names`.

        Args:
            change: gives the other text of a scalar; None: it stays.
            source: name of the file, for refusals.
        """
        if isinstance(self.value, list):
            return replace(self, value=[node.with_texts(names, change, source) for node in self.value])
        if isinstance(self.value, dict):
            return replace(self, value={name: (key, node._under(name, names, change, source)) for name, (key, node) in self.value.items()})
        return self

    def _under(self, name: str, names: Collection[str], change: Callable[["Node"], str | None], source: str) -> "Node":
        if name not in names or isinstance(self.value, list | dict):
            return self.with_texts(names, change, source)
        text = change(self)
        if text is None:
            return self
        return replace(self, value=scalar_of(text, None, f"{source}:{self.line}:{self.column}"), text=text)


def read_tree(text: str, source: str) -> Node:
    """Reads the one document in `text`. A byte-order mark at its beginning is skipped.

    Args:
        source: name of the file, for refusals.

    Raises:
        Refusal: the text is not YAML, uses what is not accepted, gives a name twice, or is longer, deeper or of more parts than the bounds
            allow; names line and column.
    """
    if len(text) > CHARACTERS_MAX:
        line = text.count("\n", 0, CHARACTERS_MAX) + 1
        where = f"{source}:{line}:{CHARACTERS_MAX - text.rfind(chr(10), 0, CHARACTERS_MAX)}"
        raise Refusal("document too long", where=where, expected=f"at most {CHARACTERS_MAX} characters", got=str(len(text)))
    text = text.removeprefix(_BYTE_ORDER_MARK)
    if not _READ_DIFFERENTLY.search(text):
        with contextlib.suppress(yaml.YAMLError):
            return _Reader(text, source, _FAST).document()
    try:
        return _Reader(text, source, yaml.SafeLoader).document()
    except yaml.YAMLError as error:
        refuse_fault(error, text, source)


class _Reader:
    def __init__(self, text: str, source: str, loader: Any) -> None:
        self._text = text
        self._source = source
        self._events: Iterator[Event] = yaml.parse(text, Loader=loader)
        self._nodes = 0

    def document(self) -> Node:
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise Refusal("empty document", where=f"{self._source}:1:1", expected="a YAML document", got="nothing")
        node = self._node(next(self._events), 0)
        next(self._events)  # the document's end
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            self._refuse(event, "second document", "one document a file", "---")
        return node

    def _node(self, event: Event, depth: int) -> Node:
        self._check(event, depth)
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.MappingStartEvent):
            return Node(self._pairs(depth + 1), line, column)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(list(self._items(depth + 1)), line, column)
        if match := _UNPRINTABLE.search(event.value):
            self._refuse(event, "character that cannot be shown", "printable characters", f"U+{ord(match[0]):04X}")
        value = scalar_of(event.value, event.style, self._where(event))
        return Node(value, line, column, event.value, self._content(event))

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, depth)

    def _pairs(self, depth: int) -> dict[str, tuple[Node, Node]]:
        pairs: dict[str, tuple[Node, Node]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            name = self._name(event, depth)
            if name.text in pairs:
                self._refuse(event, "field given twice", "each field once", name.text)
            pairs[name.text] = name, self._node(next(self._events), depth)
        return pairs

    def _name(self, event: Event, depth: int) -> Node:
        if not isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            self._refuse(event, "name that is no text", "a text as a name", "a mapping or a list")
        node = self._node(event, depth)
        if not isinstance(node.value, str):
            shown = node.text or "nothing"
            self._refuse(event, "name that is no text", "a text as a name", shown, f'quote it: "{node.text}"')
        return node

    def _check(self, event: Event, depth: int) -> None:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            self._refuse(event, "document of too many parts", f"at most {NODES_MAX} names, values, mappings and lists", "more")
        if depth > DEPTH_MAX:
            self._refuse(event, "nested too deeply", f"at most {DEPTH_MAX} mappings and lists inside each other", "more")
        written_out = "each value written out where it is used: anchors and aliases are not supported"
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, "alias", written_out, f"*{event.anchor}")
        if event.anchor is not None:
            self._refuse(event, "anchor", written_out, f"&{event.anchor}")
        if event.tag is not None:
            got, expected = event.tag.replace(_STANDARD_TAG, "!!"), "values without tags: how they are written says what they are"
            self._refuse(event, "tag", expected, got, IN_A_BLOCK if got.startswith("!(") else "")

    def _content(self, event: Event) -> tuple[int, int, int]:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if event.style in ("'", '"'):
            return line, column + 1, 0
        if event.style not in ("|", ">"):
            return line, column, 0
        rows = self._text[event.start_mark.index : event.end_mark.index].split("\n")
        first = next((row for row in rows[1:] if row.strip()), "")
        indent = len(first) - len(first.lstrip(" "))
        return line + 1, indent + 1, indent

    def _where(self, event: Event) -> str:
        return f"{self._source}:{event.start_mark.line + 1}:{event.start_mark.column + 1}"

    def _refuse(self, event: Event, what: str, expected: str, got: str, remedy: str = "") -> NoReturn:
        raise Refusal(what, where=self._where(event), expected=expected, got=got, remedy=remedy)
