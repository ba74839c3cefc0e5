"""What a step of a compiled expression is: a function from columns to a column."""

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
    """A function of arrays that gives a value wherever every argument has one."""

    type: Type
    function: Callable[..., Any]

    def __call__(self, *columns: Column) -> Column:
        """The function over columns."""
        return Column(self.type, np.asarray(self.function(*(column.values for column in columns))), joined(*columns))


@dataclass(frozen=True)
class Checked:
    """A function of arrays that gives values and where they are none, for the reason `fault`."""

    type: Type
    function: Callable[..., tuple[_Array, NDArray[np.bool_]]]
    fault: Fault

    def __call__(self, *columns: Column) -> Column:
        """The function over columns."""
        values, bad = self.function(*(column.values for column in columns))
        return Column(self.type, np.asarray(values), with_faults(joined(*columns), np.asarray(bad), self.fault))
