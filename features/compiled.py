"""How kernels are compiled: numba, cached on disk, and never stale."""

import hashlib
import pathlib
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba
from numba.core import cgutils
from numba.extending import intrinsic

P = ParamSpec("P")
R = TypeVar("R")


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles `function` as a part of the entries that call it."""
    compiled: Callable[P, R] = numba.njit(forceinline=True)(function)
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


@intrinsic  # type: ignore[untyped-decorator]
def borrowed(typing_context: Any, array: Any) -> Any:
    """The same array without its reference count, for use while the caller holds it: counting costs more than the arithmetic."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """The LLVM code: a view of the array with neither owner nor parent."""
        view = context.make_array(signature.args[0])(context, builder, value=arguments[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        view.parent = cgutils.get_null_value(view.parent.type)
        return view._getvalue()

    return array(array), generate


def _digest() -> str:
    sources = sorted(pathlib.Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()


_DIGEST = _digest()
