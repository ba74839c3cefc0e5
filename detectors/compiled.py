"""Kernels compiled for one exact signature, when their module is imported, and kept on disk."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def compiled(signature: str | list[str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Compiles a function to machine code without the interpreter lock.

    Compiling at import keeps it off the first event; a wrong dtype or layout is a TypeError instead of a second
    compilation in mid-stream. Floating point stays strict, so that results are the same bits on every run.

    The cache on disk knows only the file a kernel stands in: after a change to a kernel or constant that another module's
    kernels use, their ``__pycache__`` must go too.

    Args:
        signature: numba's, such as ``"void(float64[:, ::1], int64)"``.
    """
    decorate: Any = numba.njit(signature, cache=True, nogil=True, error_model="numpy")
    return cast(Callable[[Callable[P, R]], Callable[P, R]], decorate)
