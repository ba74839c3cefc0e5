"""Compares columns. Each distinct text is compared once, by code points."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.column import Column, Value, joined
from features.expressions.functions.logic import aligned
from features.expressions.functions.types import Type

_Bools = NDArray[np.bool_]


def same_texts(a: Column, b: Column) -> Column:
    """Tells whether two texts are equal."""
    if a.values.ndim == 0:
        a, b = b, a
    if b.values.ndim == 0:
        place = a.texts.places.get(b.texts.all[int(b.values)], -1)
        return Column(Type.BOOL, np.asarray(a.values == place), joined(a, b))
    _, a_values, b_values = aligned(a, b)
    return Column(Type.BOOL, np.asarray(a_values == b_values), joined(a, b))


@dataclass(frozen=True)
class TextOrder:
    """Compares texts by code points.

    Args:
        holds: the comparison of two ranks.
    """

    holds: Callable[[Any, Any], Any]

    def __call__(self, a: Column, b: Column) -> Column:
        """Tells where the comparison holds."""
        texts, a_values, b_values = aligned(a, b)
        ranks = np.empty(len(texts.all), dtype=np.int32)
        ranks[sorted(range(len(texts.all)), key=texts.all.__getitem__)] = np.arange(len(texts.all), dtype=np.int32)
        return Column(Type.BOOL, np.asarray(self.holds(ranks[a_values], ranks[b_values])), joined(a, b))


@dataclass(frozen=True)
class OneOf:
    """Tells whether a value is among constants of its own type.

    Args:
        options: the constants, of the column's type; times in microseconds.
    """

    options: tuple[Value, ...]

    def __call__(self, column: Column) -> Column:
        """Tells where the value is one of the options."""
        found = self._texts(column) if column.type is Type.STRING else self._numbers(column)
        return Column(Type.BOOL, np.asarray(found), column.faults)

    def _texts(self, column: Column) -> _Bools:
        table = np.zeros(len(column.texts.all), dtype=np.bool_)
        for option in self.options:
            assert isinstance(option, str)
            place = column.texts.places.get(option)
            if place is not None:
                table[place] = True
        found: _Bools = table[column.values]
        return found

    def _numbers(self, column: Column) -> _Bools:
        options = np.unique(np.array(self.options, dtype=column.type.dtype))
        options = options[options == options]  # nan equals nothing
        if not len(options):
            return np.zeros(column.values.shape, dtype=np.bool_)
        at = np.minimum(np.searchsorted(options, column.values), len(options) - 1)
        found: _Bools = options[at] == column.values
        return found
