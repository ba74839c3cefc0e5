"""Terms: what a part of an expression means during compilation, which is one value per event, or a list or map of such.

Lists and maps exist only during compilation. Their length is known from the text, so macros over them are
written out element by element, their cost is known, and nothing loops when events come.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from features.expressions.functions.column import Value
from features.expressions.functions.types import Type


@dataclass(frozen=True, slots=True)
class Scalar:
    """Describes one value per event.

    Args:
        step: the number of the step that computes the value.
    """

    type: Type
    step: int

    @property
    def shown(self) -> str:
        """Returns the type in words."""
        return self.type.value


@dataclass(frozen=True, slots=True)
class Item:
    """Describes an element of a list.

    Args:
        guard: the bool step that tells whether the element is in the list; None when it always is.
    """

    term: "Term"
    guard: int | None = None


@dataclass(frozen=True, slots=True)
class ListTerm:
    """A list.

    Args:
        needed: steps whose values the whole list needs.
    """

    items: tuple[Item, ...]
    needed: tuple[int, ...] = ()

    @property
    def shown(self) -> str:
        """Returns the type in words."""
        return f"list({self.items[0].term.shown})" if self.items else "list"


@dataclass(frozen=True, slots=True)
class Key:
    """Describes a constant key of a map."""

    type: Type
    value: Value


@dataclass(frozen=True, slots=True)
class MapTerm:
    """Describes a map with constant keys, in the order in which they are written."""

    entries: tuple[tuple[Key, "Term"], ...]
    needed: tuple[int, ...] = ()

    @property
    def shown(self) -> str:
        """Returns the type in words."""
        return f"map({self.entries[0][0].type.value}, {self.entries[0][1].shown})" if self.entries else "map"


Term = Scalar | ListTerm | MapTerm


def steps_of(term: Term) -> Iterator[int]:
    """Yields the steps whose values `term` needs."""
    if isinstance(term, Scalar):
        yield term.step
    else:
        yield from term.needed


def alike(a: Term, b: Term) -> bool:
    """Tells whether two terms can be compared: they have the same types, or are both numbers."""
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        return a.type is b.type or (a.type.is_number and b.type.is_number)
    if isinstance(a, ListTerm) and isinstance(b, ListTerm):
        return not a.items or not b.items or alike(a.items[0].term, b.items[0].term)
    return isinstance(a, MapTerm) and isinstance(b, MapTerm)
