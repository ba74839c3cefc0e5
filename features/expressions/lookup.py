"""Functions of single values over columns: called once for each different combination of arguments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.expressions.column import Column, Fault, Value, joined
from features.expressions.types import Type

Scalar = Callable[..., Value | Fault]


@dataclass(frozen=True)
class Lookup:
    """A function from plain values to a plain value or a fault. It must answer for any values of its types.

    Args:
        type: of the result.
        function: takes as many values as there are columns; times in microseconds.
    """

    type: Type
    function: Scalar

    def __call__(self, *columns: Column) -> Column:
        """The function over columns."""
        combinations, at = _combinations(columns)
        table = Column.of_values(self.type, [self.function(*values) for values in combinations])
        faults = None if table.faults is None else table.faults[at]
        result = Column(self.type, np.asarray(table.values[at]), faults, table.texts)
        return Column(self.type, result.values, joined(*columns, result), table.texts)


def _combinations(columns: Sequence[Column]) -> tuple[Sequence[Sequence[Value]], NDArray[Any]]:
    """The different combinations of values, and the place of each event's own."""
    options, places = zip(*(_distinct(column) for column in columns), strict=True)
    if len(columns) == 1:
        return [(value,) for value in options[0]], places[0]
    joint = np.zeros((), dtype=np.int64)
    for values, at in zip(options, places, strict=True):
        joint = joint * len(values) + at
    numbers, at = np.unique(joint, return_inverse=True)
    return [_taken(number, options) for number in numbers.tolist()], at.reshape(joint.shape)


def _distinct(column: Column) -> tuple[Sequence[Value], NDArray[Any]]:
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
