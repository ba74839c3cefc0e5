"""A table of addresses: compiled functions pass it to each other instead of forty arrays.

Each array has three cells: its address, its rows, its columns (1-D: rows only). Whoever makes the table keeps the arrays alive. Arrays read
from it carry no reference counts, and those that a function does not use cost it nothing.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import carray, types
from numba.extending import intrinsic

from foundation.compiled import inner
from foundation.number_arrays import Float64s, Int64s

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


@intrinsic  # type: ignore[untyped-decorator]
def _pointer(typing_context: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates LLVM code: an address as a pointer."""
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generate


@inner
def put(table: Int64s, at: int, array: Any) -> None:
    """Writes address and shape of `array`, of one or two dimensions, as array `at`."""
    table[WORDS * at] = array.ctypes.data
    table[WORDS * at + 1] = array.shape[0]
    if array.ndim > 1:
        table[WORDS * at + 2] = array.shape[array.ndim - 1]


@inner
def ints(table: Int64s, at: int) -> Int64s:
    """Returns array `at`, int64 [rows]."""
    found: Int64s = carray(_pointer(table[WORDS * at]), (table[WORDS * at + 1],), np.int64)
    return found


@inner
def int_rows(table: Int64s, at: int) -> Int64s:
    """Returns array `at`, int64 [rows, columns]."""
    found: Int64s = carray(_pointer(table[WORDS * at]), (table[WORDS * at + 1], table[WORDS * at + 2]), np.int64)
    return found


@inner
def floats(table: Int64s, at: int) -> Float64s:
    """Returns array `at`, float64 [rows]."""
    found: Float64s = carray(_pointer(table[WORDS * at]), (table[WORDS * at + 1],), np.float64)
    return found


@inner
def float_rows(table: Int64s, at: int) -> Float64s:
    """Returns array `at`, float64 [rows, columns]."""
    found: Float64s = carray(_pointer(table[WORDS * at]), (table[WORDS * at + 1], table[WORDS * at + 2]), np.float64)
    return found
