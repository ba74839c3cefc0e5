"""Rebuilds a model of River from nodes of any origin, see `detectors.river.state_nodes`: no code is named there, and none runs but that of
the table's own constructors of plain containers, arrays and random numbers."""

import collections
import functools
import gc
import random
import types
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from detectors.river import state_nodes as nodes
from detectors.river.state_nodes import BYTES_MAX, NODES_MAX, PART, Node, refuse_circles
from detectors.river.state_table import COMPILED, METHODS, callables, classes, compiled_classes, vectors
from foundation.slices import Slices, completed, parts_of

_RANDOM_CELLS = 625
_DTYPES = ("<f8", "<i8", "|b1")


def read_state(written: bytes) -> Any:
    """Rebuilds what `write_state` was given; about 1 µs a number.

    Meanwhile the collector of garbage is off: it would look again and again at what is made here, none of which is garbage.

    Raises:
        ValueError: `write_state` cannot have written this.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        return completed(read_in_slices(written))
    finally:
        if was_on:
            gc.enable()


def read_in_slices(written: bytes) -> Slices[Any]:
    """Does what `read_state` does in slices of `PART` nodes, some milliseconds each; the collector of garbage is left to who runs them.

    Raises:
        ValueError: `write_state` cannot have written this.
    """
    table = yield from _table_of(written)
    yield from _refuse_strange(table)
    yield from refuse_circles(table)
    try:
        made = yield from _Made().all_of(table)
    except (TypeError, LookupError, AttributeError, OverflowError) as error:
        raise ValueError(f"expected the state of a model of River, got one that cannot be: {type(error).__name__}: {error}") from error
    return made[0]


def _table_of(written: bytes) -> Slices[list[Node]]:
    """Reads the nodes. Earlier versions wrote all of them as one part, which stands there itself."""
    if len(written) > BYTES_MAX:
        raise ValueError(f"expected a state of at most {BYTES_MAX} bytes, got {len(written)}")
    table: list[Node] = []
    try:
        for part in msgspec.msgpack.decode(written, type=list[bytes | list[Any]]):
            if isinstance(part, bytes):
                table += msgspec.msgpack.decode(part, type=list[list[Any]])
                yield
            else:
                table.append(part)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"expected the state of a model of River, got other bytes: {error}") from error
    if not 0 < len(table) <= NODES_MAX:
        raise ValueError(f"expected a state of 1 to {NODES_MAX} parts, got {len(table)}")
    return table


def _refuse_strange(table: list[Node]) -> Slices[None]:
    count = len(table)
    for part in parts_of(table, PART):
        for node in part:
            if not node or node[0] not in _MAKERS:
                raise ValueError(f"expected nodes of known kinds, got {node[:1]}")
            for value in node:  # in line: it is a tenth of all that reading costs
                kind = type(value)
                if kind is dict or (kind is list and not (len(value) == 1 and type(value[0]) is int and 0 <= value[0] < count)):
                    raise ValueError("expected plain values and numbers of nodes, got something nested")
        yield


class _Made:
    """Makes every node once, in the order of the table: what holds others is made empty, and filled when all are there."""

    def __init__(self) -> None:
        self._made: list[Any] = []
        self._fills: list[tuple[Callable[[list[Any]], None], list[Any]]] = []

    def all_of(self, table: list[Node]) -> Slices[list[Any]]:
        made = self._made
        for part in parts_of(table, PART):
            for node in part:
                made.append(_MAKERS[node[0]](self, *node[1:]))
            yield
        for fills in parts_of(self._fills, PART):
            for fill, values in fills:
                fill([made[value[0]] if type(value) is list else value for value in values])
            yield
        return made

    def value(self, value: Any) -> Any:
        """What a value stands for; what it refers to must have been made."""
        return self._made[value[0]] if type(value) is list else value

    def _later(self, thing: Any, fill: Callable[[list[Any]], None], values: tuple[Any, ...]) -> Any:
        self._fills.append((fill, list(values)))
        return thing

    def make_list(self, *values: Any) -> Any:
        thing: list[Any] = []
        return self._later(thing, thing.extend, values)

    def make_tuple(self, *values: Any) -> Any:
        return tuple(self.value(value) for value in values)

    def make_set(self, *values: Any) -> Any:
        thing: set[Any] = set()
        return self._later(thing, thing.update, values)

    def make_frozenset(self, *values: Any) -> Any:
        return frozenset(self.value(value) for value in values)

    def make_deque(self, length: Any, *values: Any) -> Any:
        if length is not None and not (type(length) is int and 0 <= length <= NODES_MAX):
            raise ValueError(f"expected the length of a queue, got {length!r}")
        thing: collections.deque[Any] = collections.deque(maxlen=length)
        return self._later(thing, thing.extend, values)

    def make_dict(self, *values: Any) -> Any:
        return self._mapping({}, values)

    def make_ordered(self, *values: Any) -> Any:
        return self._mapping(collections.OrderedDict(), values)

    def make_counter(self, *values: Any) -> Any:
        return self._mapping(collections.Counter(), values)

    def make_default(self, factory: Any, *values: Any) -> Any:
        return self._mapping(collections.defaultdict(self.value(factory)), values)

    def _mapping(self, thing: Any, values: tuple[Any, ...]) -> Any:
        return self._later(thing, lambda given: _put_pairs(thing, given), values)

    def make_array(self, dtype: Any, shape: Any, cells: Any) -> Any:
        if dtype not in _DTYPES:
            raise ValueError(f"expected an array of {', '.join(_DTYPES)}, got {dtype!r}")
        lengths = [int(each) for each in shape.split(",") if each]
        return np.frombuffer(cells, dtype).reshape(lengths).copy()

    def make_scalar(self, dtype: Any, cells: Any) -> Any:
        return self.make_array(dtype, "1", cells)[0]

    def make_random(self, version: Any, cells: Any, spare: Any) -> Any:
        state = tuple(np.frombuffer(cells, "<u4").tolist())
        if version != 3 or len(state) != _RANDOM_CELLS or not (spare is None or isinstance(spare, float)):
            raise ValueError("expected the state of a generator of random numbers, got another")
        thing = random.Random()  # noqa: S311 - River's models draw their random numbers from it; nothing here is secret
        thing.setstate((version, state, spare))
        return thing

    def make_callable(self, name: Any) -> Any:
        if name not in callables():
            raise ValueError(f"expected a callable of the table, got {name!r}")
        return callables()[name]

    def make_partial(self, function: Any, arguments: Any, keywords: Any) -> Any:
        given = self.value(keywords)
        if not callable(self.value(function)) or type(given) is not dict:
            raise ValueError("expected a function with arguments, got something else")
        thing: functools.partial[Any] = functools.partial(self.value(function), *self.value(arguments))
        return self._later(thing, lambda _: thing.keywords.update(given), ())

    def make_method(self, owner: Any, name: Any) -> Any:
        thing = self.value(owner)
        if (type(thing).__name__, name) not in METHODS or type(thing) not in classes().values():
            raise ValueError(f"expected a method of the table, got {name!r}")
        return getattr(type(thing), name).__get__(thing)

    def make_object(self, name: Any, *values: Any) -> Any:
        if name not in classes():
            raise ValueError(f"expected a class of the table, got {name!r}")
        thing: Any = object.__new__(classes()[name])
        return self._later(thing, lambda given: _put_attributes(thing, given), values)

    def make_vector(self, factory: Any, mask: Any, *values: Any) -> Any:
        cells: dict[Any, Any] = {}
        _put_pairs(cells, [self.value(value) for value in values])
        return vectors()(cells, self.value(factory), self.value(mask), True)

    def make_compiled(self, name: Any, cells: Any) -> Any:
        if name not in compiled_classes() or type(cells) is not bytes:
            raise ValueError(f"expected a compiled class of the table, got {name!r}")
        thing = compiled_classes()[name](*COMPILED[name])
        try:
            thing.__setstate__(cells)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # Rust's panics are no Exception
            raise ValueError(f"expected the state of {name}, got other bytes") from error
        return thing


def _put_pairs(thing: Any, values: list[Any]) -> None:
    if len(values) % 2:
        raise ValueError("expected keys with values, got a key without one")
    for place in range(0, len(values), 2):
        thing[values[place]] = values[place + 1]


def _put_attributes(thing: Any, values: list[Any]) -> None:
    """Puts attributes where no code of the class runs; a name that the class has not declared goes into its dictionary."""
    if len(values) % 2:
        raise ValueError("expected names of attributes with values, got a name without one")
    of: Any = type(thing)
    for place in range(0, len(values), 2):
        slot = _slot_of(of, values[place])
        if slot is None:
            thing.__dict__[values[place]] = values[place + 1]
        else:
            slot.__set__(thing, values[place + 1])


@functools.lru_cache(4_096)
def _slot_of(of: type, name: Any) -> types.MemberDescriptorType | None:
    """The slot that a class has declared for an attribute; None where its objects keep it in their dictionary.

    Raises:
        ValueError: this is no name of an attribute, or one of those that Python itself gives a meaning.
    """
    if type(name) is not str or name.startswith("__"):
        raise ValueError("expected names of attributes with values, got something else")
    slot = getattr(of, name, None)
    return slot if isinstance(slot, types.MemberDescriptorType) else None


_KINDS = (nodes.LIST, nodes.TUPLE, nodes.SET, nodes.FROZEN, nodes.QUEUE, nodes.DICT, nodes.ORDERED, nodes.DEFAULT, nodes.COUNTER)
_LEAVES = (nodes.ARRAY, nodes.SCALAR, nodes.RANDOM, nodes.CALLABLE, nodes.PARTIAL, nodes.METHOD, nodes.OBJECT, nodes.VECTOR, nodes.COMPILED)
_MAKERS: dict[str, Callable[..., Any]] = {kind: getattr(_Made, f"make_{kind}") for kind in (*_KINDS, *_LEAVES)}
