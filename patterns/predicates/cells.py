"""Finds the cell of each attribute's value for each event of a batch."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.column import Column, Fault
from features.expressions.functions.types import Type
from foundation.kernel_arrays import FLOAT64, UINT8, for_kernel
from foundation.number_arrays import Int64s
from patterns.predicates.atoms import Attribute
from patterns.predicates.kernels.cell_kernels import locate_doubles, locate_ints
from patterns.predicates.text_numbers import TextNumbers

_NO_FAULTS = np.zeros(0, np.uint8)


def column_of(attribute: Attribute, columns: Mapping[str, Column], n: int) -> Column:
    """Returns the values [n] of an attribute. One that fails to be computed is an error for every event: other attributes go on."""
    if attribute.program is None:
        return columns[attribute.text].spread(n)
    given = {name: columns[name] for name in attribute.reads}
    try:
        return attribute.program.run(given).spread(n)
    except Exception:  # whatever is wrong with one rule's expression costs that rule alone, and is counted for it
        return Column.constant(attribute.type, Fault.NOT_CONVERTIBLE).spread(n)


def locate(column: Column, cuts: Int64s, texts: TextNumbers, cells: NDArray[np.int32]) -> None:
    """Writes the cell of each value into `cells`."""
    faults = _NO_FAULTS if column.faults is None else for_kernel(column.faults, UINT8)
    if column.type is Type.DOUBLE:
        locate_doubles(for_kernel(column.values, FLOAT64), faults, cuts, cells)
    elif column.type is Type.STRING:
        numbers = np.array([texts.known.get(text, texts.OTHER) for text in column.texts.all], np.int64)
        locate_ints(numbers[column.values], faults, cuts, cells)
    else:
        locate_ints(column.values.astype(np.int64), faults, cuts, cells)
