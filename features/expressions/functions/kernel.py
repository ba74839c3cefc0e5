"""Kernels: the functions from columns to a column that the steps of an expression run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.column import Column, Fault, joined, with_faults
from features.expressions.functions.types import Type

Kernel = Callable[..., Column]
_Array = NDArray[Any]


@dataclass(frozen=True)
class Plain:
    """Wraps a function of arrays that gives a value wherever every argument has one."""

    type: Type
    function: Callable[..., Any]

    def __call__(self, *columns: Column) -> Column:
        """Returns the function over columns."""
        return Column(self.type, np.asarray(self.function(*(column.values for column in columns))), joined(*columns))


@dataclass(frozen=True)
class Checked:
    """Wraps a function of arrays that gives values, and where there are none for the reason `fault`."""

    type: Type
    function: Callable[..., tuple[_Array, NDArray[np.bool_]]]
    fault: Fault

    def __call__(self, *columns: Column) -> Column:
        """Returns the function over columns."""
        values, bad = self.function(*(column.values for column in columns))
        return Column(self.type, np.asarray(values), with_faults(joined(*columns), np.asarray(bad), self.fault))
