"""Writes the state of a model of River as nodes, see `detectors.river.state_nodes`."""

import collections
import functools
import random
import types
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import numpy as np

from detectors.river import state_nodes as nodes
from detectors.river.state_nodes import BYTES_MAX, NODES_MAX, PART, Node, refuse_circles
from detectors.river.state_table import METHODS, UNUSED, classes, compiled_classes, name_of, names_of_callables, vectors
from foundation.slices import completed, parts_of

_PLAIN = (bool, int, float, str, type(None))
_SEQUENCES: dict[type, str] = {list: nodes.LIST, tuple: nodes.TUPLE, set: nodes.SET, frozenset: nodes.FROZEN}
_MAPPINGS: dict[type, str] = {dict: nodes.DICT, collections.OrderedDict: nodes.ORDERED, collections.Counter: nodes.COUNTER}


def write_state(model: object) -> bytes:
    """Writes all that `model` consists of; about 1 µs a number. Equal states give equal bytes.

    Raises:
        ValueError: a part is of a class that is not in the table, refers back, or there is too much of all.
    """
    table = _Table()
    table.value(model)
    table.fill()
    completed(refuse_circles(table.nodes))
    written = msgspec.msgpack.encode([msgspec.msgpack.encode(part) for part in parts_of(table.nodes, PART)])
    if len(written) > BYTES_MAX:
        raise ValueError(f"expected a state of at most {BYTES_MAX} bytes, got {len(written)}")
    return written


class _Table:
    """The nodes, each object once.

    What can hold itself gets its number before its parts do; a tuple and its like come after theirs, since they are made of them.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._numbers: dict[int, int] = {}
        self._held: list[object] = []  # keeps everything alive, so that no two objects have one identity
        self._open: list[tuple[Node, Callable[[], Iterable[Any]]]] = []

    def value(self, thing: Any) -> Any:
        """Returns what stands for `thing` within a node."""
        if type(thing) in _PLAIN:
            return thing
        number = self._numbers.get(id(thing))
        return [self._add(thing) if number is None else number]

    def fill(self) -> None:
        """Writes the parts of all nodes that have a number already."""
        while self._open:
            node, parts = self._open.pop()
            node.extend(self.value(part) for part in parts())

    def _add(self, thing: Any) -> int:
        node, parts = self._node_of(thing)
        if len(self.nodes) >= NODES_MAX:
            raise ValueError(f"expected a state of at most {NODES_MAX} parts, got more")
        number = self._numbers[id(thing)] = len(self.nodes)
        self._held.append(thing)
        self.nodes.append(node)
        if parts is not None:
            self._open.append((node, parts))
        return number

    def _node_of(self, thing: Any) -> tuple[Node, Callable[[], Iterable[Any]] | None]:
        """What `thing` is, and what gives the parts that are written later."""
        kind = type(thing)
        if kind in (tuple, frozenset):
            return [_SEQUENCES[kind], *(self.value(part) for part in _in_order(thing))], None
        if kind in _SEQUENCES:
            return [_SEQUENCES[kind]], lambda: _in_order(thing)
        if kind is collections.deque:
            return [nodes.QUEUE, thing.maxlen], lambda: thing
        if kind in _MAPPINGS:
            return [_MAPPINGS[kind]], lambda: _flat(thing.items())
        if kind is collections.defaultdict:
            return [nodes.DEFAULT, self.value(thing.default_factory)], lambda: _flat(thing.items())
        return self._leaf_of(thing), None if name_of(kind) not in classes() else lambda: _flat(_attributes(thing))

    def _leaf_of(self, thing: Any) -> Node:
        kind, name = type(thing), name_of(type(thing))
        if id(thing) in names_of_callables():
            return [nodes.CALLABLE, names_of_callables()[id(thing)]]
        if kind is np.ndarray and thing.dtype.str in ("<f8", "<i8", "|b1"):
            return [nodes.ARRAY, thing.dtype.str, ",".join(map(str, thing.shape)), thing.tobytes()]
        if isinstance(thing, np.generic) and thing.dtype.str in ("<f8", "<i8", "|b1"):
            return [nodes.SCALAR, thing.dtype.str, thing.tobytes()]
        if kind is random.Random:
            version, state, spare = thing.getstate()
            return [nodes.RANDOM, version, np.array(state, "<u4").tobytes(), spare]
        if kind is functools.partial:
            return [nodes.PARTIAL, self.value(thing.func), self.value(thing.args), self.value(dict(thing.keywords))]
        if kind is types.MethodType and (type(thing.__self__).__name__, thing.__name__) in METHODS:
            return [nodes.METHOD, self.value(thing.__self__), thing.__name__]
        return self._of_river(thing, name)

    def _of_river(self, thing: Any, name: str) -> Node:
        if name in classes():
            return [nodes.OBJECT, name]
        if isinstance(thing, vectors()):
            reduced: Any = thing.__reduce__()
            cells, factory, mask, _ = reduced[1]
            return [nodes.VECTOR, self.value(factory), self.value(mask), *(self.value(part) for part in _flat(cells.items()))]
        compiled = name.removeprefix("_river_rust.")
        if compiled in compiled_classes():
            return [nodes.COMPILED, compiled, bytes(thing.__getstate__())]
        raise ValueError(f"expected parts of classes that can be rebuilt, got {name}")


def _in_order(things: Any) -> Iterable[Any]:
    """The parts in their order; those of a set sorted, since its own order is another in each process."""
    return sorted(things, key=lambda each: (type(each).__name__, each)) if isinstance(things, set | frozenset) else things


def _flat(pairs: Iterable[tuple[Any, Any]]) -> Iterable[Any]:
    return [part for pair in pairs for part in pair]


def _attributes(thing: Any) -> list[tuple[str, Any]]:
    """The attributes of an object that matter, those of slots included."""
    slots = [name for each in type(thing).__mro__ for name in _slots_of(each) if hasattr(thing, name)]
    every = [*getattr(thing, "__dict__", {}).items(), *((name, getattr(thing, name)) for name in slots)]
    return [(name, value) for name, value in every if (type(thing).__name__, name) not in UNUSED]


def _slots_of(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(each for each in slots if not each.startswith("__"))
