"""A table of addresses: compiled functions pass it to each other instead of forty arrays.

Each array has three cells: its address, its rows, its columns (1-D: rows only). Whoever makes the table keeps the arrays alive. Arrays read
from it carry no reference counts, and those that a function does not use cost it nothing.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from foundation.borrowing import inner
from foundation.number_arrays import Int64s

WORDS = 3


def table_of(arrays: Sequence[Any], more: int = 0) -> Int64s:
    """Makes the table of `arrays`, which are C-contiguous with 8-byte cells, with room for `more` after them."""
    table = np.zeros(WORDS * (len(arrays) + more), dtype=np.int64)
    for at, array in enumerate(arrays):
        if not array.flags.c_contiguous or array.dtype.itemsize != 8:
            raise ValueError("arrays of a context: expected C-contiguous arrays of 8-byte cells, got another")
        table[WORDS * at] = array.ctypes.data
        table[WORDS * at + 1 : WORDS * at + 1 + array.ndim] = array.shape
    return table


@inner
def put(table: Int64s, at: int, array: Any) -> None:
    """Writes address and shape of `array`, of one or two dimensions, as array `at`."""
    table[WORDS * at] = array.ctypes.data
    table[WORDS * at + 1] = array.shape[0]
    if array.ndim > 1:
        table[WORDS * at + 2] = array.shape[array.ndim - 1]


def _array_of(array: Any, table: Any, at: Any) -> Any:
    """Returns signature and generator of a function that gives an array of the table without an owner."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates LLVM code: reads the array's cells, and describes it."""
        cells = context.make_array(table)(context, builder, value=arguments[0]).data
        first = builder.mul(arguments[1], ir.Constant(ir.IntType(64), WORDS))
        places = [builder.add(first, ir.Constant(ir.IntType(64), k)) for k in range(1 + array.ndim)]
        address, *shape = (builder.load(builder.gep(cells, [place])) for place in places)
        data = builder.inttoptr(address, context.get_data_type(array.dtype).as_pointer())
        width = context.get_constant(types.intp, 8)
        strides = [width] if array.ndim == 1 else [builder.mul(shape[1], width), width]
        made = context.make_array(array)(context, builder)
        populate_array(made, data, shape, strides, width, None)
        return made._getvalue()

    return array(table, types.int64), generate


def _reader(element: Any, dimensions: int) -> Any:
    """Makes the function that gives array `at` of a table as one of `element`, with so many dimensions."""

    @intrinsic  # type: ignore[untyped-decorator]
    def read(typing_context: Any, table: Any, at: Any) -> Any:
        """Returns array `at` of the table."""
        return _array_of(types.Array(element, dimensions, "C"), table, at)

    return read


ints = _reader(types.int64, 1)
"""Returns array `at` of a table, int64 [rows]."""
int_rows = _reader(types.int64, 2)
"""Returns array `at` of a table, int64 [rows, columns]."""
floats = _reader(types.float64, 1)
"""Returns array `at` of a table, float64 [rows]."""
float_rows = _reader(types.float64, 2)
"""Returns array `at` of a table, float64 [rows, columns]."""
