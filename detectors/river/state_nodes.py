"""The form of a model's state: a table of nodes that hold plain values and refer to each other by number.

There is no nesting, so that a reader needs no recursion, and nothing in it says what to run. A value is a plain value, or a list with the
number of a node. The table is written in parts of `PART` nodes, which can be read one after the other.
"""

from itertools import pairwise
from typing import Any, Final

from foundation.slices import Slices

NODES_MAX: Final = 200_000
BYTES_MAX: Final = 4 << 20
"""The maximum size of an encoded state: all states of the learners travel in one record of 16 MiB."""

PART: Final = 256
"""So many nodes are a slice of all that is done with a table: some ten microseconds each."""

LIST: Final = "list"
TUPLE: Final = "tuple"
SET: Final = "set"
FROZEN: Final = "frozenset"
QUEUE: Final = "deque"
DICT: Final = "dict"
ORDERED: Final = "ordered"
DEFAULT: Final = "default"
COUNTER: Final = "counter"
ARRAY: Final = "array"
SCALAR: Final = "scalar"
RANDOM: Final = "random"
CALLABLE: Final = "callable"
PARTIAL: Final = "partial"
METHOD: Final = "method"
OBJECT: Final = "object"
VECTOR: Final = "vector"
COMPILED: Final = "compiled"
"""What a node is, which its first cell says."""

UPWARD: Final = "parent"
"""The attribute by which nodes of Mondrian trees know the one above: the only reference that may lead back."""

Node = list[Any]


def refuse_circles(nodes: list[Node]) -> Slices[None]:
    """Refuses references that lead in a circle, where scoring could run for ever.

    Those by `UPWARD`, and of an object's own methods to it, lead back; the former must come to an end among themselves.

    Raises:
        ValueError: there is a circle.
    """
    down: list[list[int]] = []
    up: list[list[int]] = []
    for place, node in enumerate(nodes):
        if place % PART == 0:
            yield
        below: list[int] = []
        above: list[int] = []
        if node[0] == OBJECT:
            for before, value in pairwise(node):
                if type(value) is list:
                    (above if before == UPWARD else below).append(value[0])
        elif node[0] != METHOD:
            below = [value[0] for value in node if type(value) is list]
        down.append(below)
        up.append(above)
    for edges in (down, up):
        if not (yield from _end(edges)):
            raise ValueError("expected a state without circles, got one whose parts refer to each other in a circle")


def _end(edges: list[list[int]]) -> Slices[bool]:
    """Tells whether every path comes to an end, by taking off what nothing refers to, again and again."""
    referred = [0] * len(edges)
    for each in edges:
        for other in each:
            referred[other] += 1
    free = [place for place, count in enumerate(referred) if not count]
    taken = 0
    while free:
        taken += 1
        if taken % PART == 0:
            yield
        for other in edges[free.pop()]:
            referred[other] -= 1
            if not referred[other]:
                free.append(other)
    return taken == len(edges)
