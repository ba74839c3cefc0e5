"""Kernels: the loop over values of keys that all detectors of a key's own values share.

Keys are many, and the cells of most are in no cache. So those of a key further on are asked for while a value is scored: a detector then
costs what it computes, and not what it waits for.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from detectors.missing import is_present
from foundation.compiled import borrowed, inner

OF_VALUES: Final = "void(float64[:, :], int64[:], float64[:], float64[::1], float64[:])"
"""The signature of a kernel of state, slots, values, settings and scores, see `detectors.learner.Keyed`."""
STEP: Final = "float64(float64[:], float64, float64[::1])"
"""The signature of what such a kernel does with each value: it takes the cells of its key, the value and the settings."""
_AHEAD: Final = 6
_LINE_CELLS: Final = 8


@inner
def score_learn_each(
    state: NDArray[np.float64],
    slots: NDArray[np.int64],
    x: NDArray[np.float64],
    settings: Any,
    out: NDArray[np.float64],
    step: Callable[[NDArray[np.float64], float, Any], float],
) -> None:
    """Scores each value by `step`, which also learns it; a missing value is scored NaN and not learned."""
    cells = borrowed(state)
    for position in range(len(slots)):
        fetch_ahead(cells, slots, position)
        value = x[position]
        out[position] = step(cells[slots[position]], value, settings) if is_present(value) else np.nan


@inner
def fetch_ahead(state: NDArray[np.float64], slots: NDArray[np.int64], position: int) -> None:
    """Asks for the cells of a key further on, without waiting for them."""
    if position + _AHEAD < len(slots):
        for cell in range(0, state.shape[1], _LINE_CELLS):
            _fetch(state, slots[position + _AHEAD], cell)


@intrinsic  # type: ignore[untyped-decorator]
def _fetch(typing_context: Any, state: Any, row: Any, cell: Any) -> Any:
    """Asks for the cache line of state[row, cell]; unlike `foundation.compiled.prefetch` also where rows lie apart, as in a profile."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates LLVM code: the prefetch instruction, for writing, with the longest stay in the cache."""
        view = context.make_array(signature.args[0])(context, builder, value=arguments[0])
        strides = cgutils.unpack_tuple(builder, view.strides, 2)
        offsets = [builder.mul(argument, stride) for argument, stride in zip(arguments[1:], strides, strict=True)]
        address = builder.gep(builder.bitcast(view.data, cgutils.voidptr_t), [builder.add(*offsets)])
        number = cgutils.int32_t
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        instruction = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(instruction, [address, number(1), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(state, types.intp, types.intp), generate
