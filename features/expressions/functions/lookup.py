"""Applies functions of single values to columns: calls them once for each distinct combination of arguments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.column import Column, Fault, Texts, Value, joined
from features.expressions.functions.types import Type

Scalar = Callable[..., Value | Fault]
_Distinct = tuple[Sequence[Value], NDArray[Any]]


@dataclass(frozen=True)
class Lookup:
    """Wraps a function from plain values to a plain value or a fault. It must answer for any values of its types.

    Args:
        type: type of the result.
        function: takes as many values as there are columns; times are in microseconds.
    """

    type: Type
    function: Scalar

    def __call__(self, *columns: Column) -> Column:
        """Returns the function over columns."""
        results, at = self._results([_distinct(column) for column in columns])
        table = Column.of_values(self.type, results) if Fault in set(map(type, results)) else _without_faults(self.type, results)
        faults = None if table.faults is None else table.faults[at]
        result = Column(self.type, np.asarray(table.values[at]), faults, table.texts)
        return Column(self.type, result.values, joined(*columns, result), table.texts)

    def _results(self, arguments: Sequence[_Distinct]) -> tuple[list[Value | Fault], NDArray[Any]]:
        """Returns the result for each combination of arguments that occurs, and the index of each event's own."""
        varying = [at for at, (_, places) in enumerate(arguments) if places.ndim]
        if len(varying) > 1:
            numbers, at = _combined(arguments)
            options = [values for values, _ in arguments]
            return [self.function(*_taken(number, options)) for number in numbers.tolist()], at
        which = varying[0] if varying else 0
        values, at = arguments[which]
        before = [constant[0] for constant, _ in arguments[:which]]
        after = [constant[0] for constant, _ in arguments[which + 1 :]]
        return [self.function(*before, value, *after) for value in values], at


def _without_faults(type: Type, values: Sequence[Any]) -> Column:
    if type is Type.STRING:
        texts, at = Texts.of(values)
        return Column(type, at, None, texts)
    return Column(type, np.array(values, dtype=type.dtype))


def _combined(arguments: Sequence[_Distinct]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Returns the combinations that occur, as numbers, and the index of each event's own."""
    joint = np.zeros((), dtype=np.int64)
    for values, places in arguments:
        joint = joint * len(values) + places
    numbers, at = np.unique(joint, return_inverse=True)
    return numbers, at.reshape(joint.shape)


def _distinct(column: Column) -> _Distinct:
    if column.type is Type.STRING:
        if column.values.ndim == 0:
            return (column.texts.all[int(column.values)],), np.zeros((), dtype=np.int64)
        return column.texts.all, column.values
    values, at = np.unique(column.values, return_inverse=True)
    return values.tolist(), at.reshape(column.values.shape)


def _taken(number: int, options: Sequence[Sequence[Value]]) -> list[Value]:
    taken: list[Value] = []
    for values in reversed(options):
        number, at = divmod(number, len(values))
        taken.append(values[at])
    return taken[::-1]
