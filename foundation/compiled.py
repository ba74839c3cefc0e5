"""Compiles kernels with numba, and keeps them in a cache on disk that is never stale."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from foundation.kernel_cache import keep_on_disk

P = ParamSpec("P")
R = TypeVar("R")


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles `function` inline into the entries that call it."""
    compiled: Callable[P, R] = numba.njit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    return compiled


def outer(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles `function` once, to be called by the entries: for code that is long and off the fastest path."""
    compiled: Callable[P, R] = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    return compiled


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles `function`, which Python calls, and keeps its machine code on disk."""
    compiled: Callable[P, R] = keep_on_disk(numba.njit(function))
    return compiled


@intrinsic  # type: ignore[untyped-decorator]
def borrowed(typing_context: Any, array: Any) -> Any:
    """Returns the array without its reference count, for use while the caller holds it: counting costs more than the arithmetic.

    A compiled function lets go of an array that it made itself behind the last line that names it. One that lends such an array names it
    again with `held` behind the last use of what it lent.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates LLVM code: a view of the array without an owner or parent."""
        view = context.make_array(signature.args[0])(context, builder, value=arguments[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        view.parent = cgutils.get_null_value(view.parent.type)
        return view._getvalue()

    return array(array), generate


@intrinsic  # type: ignore[untyped-decorator]
def held(typing_context: Any, array: Any) -> Any:
    """Holds the array up to this line, so that what was borrowed of it is good until here. It costs nothing."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates no code: that the array is named is enough."""
        return context.get_dummy_value()

    return types.void(array), generate


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing_context: Any, array: Any, row: Any, word: Any) -> Any:
    """Prefetches the cache line of array[row, word] without waiting; the array is C-contiguous, and any index is allowed."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """Generates LLVM code: the prefetch instruction, for reading, with the longest stay in the cache."""
        view = context.make_array(signature.args[0])(context, builder, value=arguments[0])
        words = builder.extract_value(view.shape, 1)
        place = builder.add(builder.mul(arguments[1], words), arguments[2])
        address = builder.bitcast(builder.gep(view.data, [place]), cgutils.voidptr_t)
        number = cgutils.int32_t
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
        instruction = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(instruction, [address, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp), generate
