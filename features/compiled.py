"""How kernels are compiled: numba, cached on disk, and never stale."""

import hashlib
import pathlib
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles `function` as a part of the entries that call it."""
    compiled: Callable[P, R] = numba.njit(function)
    return compiled


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles `function`, which Python calls, and keeps the machine code on disk.

    numba looks at the age of the entry's own file only; here the sources of the whole package count, so that a change in a
    part cannot leave an old kernel in use.
    """
    compiled = numba.njit(cache=True)(function)
    compiled._cache._cache_file._source_stamp = _DIGEST
    result: Callable[P, R] = compiled
    return result


def _digest() -> str:
    sources = sorted(pathlib.Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()


_DIGEST = _digest()
