"""Compiles kernels for exact signatures when their module is imported, and keeps them on disk."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

from foundation.kernel_cache import keep_on_disk

P = ParamSpec("P")
R = TypeVar("R")


def compiled(signature: str | list[str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Compiles a function to machine code that runs without the interpreter lock.

    Compiling at import spares the first event; a wrong dtype or layout is a TypeError instead of a second
    compilation in mid-stream. Floating point stays strict, so that results are the same bits on every run.

    Args:
        signature: one or more of numba's signatures, such as ``"void(float64[:, ::1], int64)"``.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        dispatcher = keep_on_disk(numba.njit(function, nogil=True, error_model="numpy"))
        for each in [signature] if isinstance(signature, str) else signature:
            dispatcher.compile(each)
        dispatcher.disable_compile()
        return cast(Callable[P, R], dispatcher)

    return decorate
