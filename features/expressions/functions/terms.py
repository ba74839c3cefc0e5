"""What a part of an expression means while it is compiled: one value an event, or a list or map of such.

Lists and maps exist only while an expression is compiled. Their length is known from what is written, so macros over them are
written out element by element, what they cost is known, and nothing loops when events come.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from features.expressions.functions.column import Value
from features.expressions.functions.types import Type


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value an event.

    Args:
        step: the number of the step that gives it.
    """

    type: Type
    step: int

    @property
    def shown(self) -> str:
        """The type in words."""
        return self.type.value


@dataclass(frozen=True, slots=True)
class Item:
    """An element of a list.

    Args:
        guard: the bool step that says whether it is in the list; None when it always is.
    """

    term: "Term"
    guard: int | None = None


@dataclass(frozen=True, slots=True)
class ListTerm:
    """A list.

    Args:
        needed: steps without whose value the whole list has none.
    """

    items: tuple[Item, ...]
    needed: tuple[int, ...] = ()

    @property
    def shown(self) -> str:
        """The type in words."""
        return f"list({self.items[0].term.shown})" if self.items else "list"


@dataclass(frozen=True, slots=True)
class Key:
    """A constant key of a map."""

    type: Type
    value: Value


@dataclass(frozen=True, slots=True)
class MapTerm:
    """A map with constant keys, in the order in which they are written."""

    entries: tuple[tuple[Key, "Term"], ...]
    needed: tuple[int, ...] = ()

    @property
    def shown(self) -> str:
        """The type in words."""
        return f"map({self.entries[0][0].type.value}, {self.entries[0][1].shown})" if self.entries else "map"


Term = Scalar | ListTerm | MapTerm


def steps_of(term: Term) -> Iterator[int]:
    """The steps without whose value `term` has none."""
    if isinstance(term, Scalar):
        yield term.step
    else:
        yield from term.needed


def alike(a: Term, b: Term) -> bool:
    """Whether two terms can be compared: the same types, or numbers."""
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        return a.type is b.type or (a.type.is_number and b.type.is_number)
    if isinstance(a, ListTerm) and isinstance(b, ListTerm):
        return not a.items or not b.items or alike(a.items[0].term, b.items[0].term)
    return isinstance(a, MapTerm) and isinstance(b, MapTerm)
