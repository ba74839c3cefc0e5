"""Compiles functions that own no array: all that they see are lent to them by whoever calls them from Python.

numba counts the references to arrays, also where nobody but the caller owns one, and takes most of its time for seeing that it need not:
for each pair of counts LLVM looks for its counterpart, along all paths. Such functions are compiled without counts, and not optimised until
they stand in the entry that Python calls: otherwise each is optimised once by itself and once more in every function above it.
A function that makes an array cannot be compiled so, and is refused; `owning` is for those few.
An entry compiled so is given arrays without a count, so that what it hands on is counted by nobody, `owning` functions included.
"""

import weakref
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.typed_passes import IRLegalization

from foundation.kernel_cache import keep_on_disk

P = ParamSpec("P")
R = TypeVar("R")


class _Part(JITCodeLibrary):  # type: ignore[misc]  # numba is untyped
    """The code of a function as it goes into those that call it: neither optimised nor made into machine code."""

    @property
    def codegen(self) -> "_Unset":
        """Returns the generator for what numba does to a function that is complete, of which a part needs nothing."""
        return _Unset(self._codegen)

    def get_pointer_to_function(self, name: str) -> int:
        """Returns 0, as for a function that Python does not call."""
        self._ensure_finalized()
        return 0

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._final_module.__library = weakref.proxy(self)
        self._finalized = True


class _Unset:
    """A code generator that notes no environment of a function, which only functions that Python calls have."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def set_env(self, name: str, environment: Any) -> None:
        """Does nothing."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)


@register_pass(mutates_CFG=False, analysis_only=True)
class _CompileAsPart(AnalysisPass):  # type: ignore[misc]  # numba is untyped
    _name = "compile_as_part"

    def __init__(self) -> None:
        AnalysisPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Gives the function a `_Part`; a pass that is given one makes no library of its own."""
        state.library = _Part(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return False


class _PartCompiler(CompilerBase):  # type: ignore[misc]  # numba is untyped
    def define_pipelines(self) -> list[Any]:
        """Returns numba's passes, with `_CompileAsPart` before the first that writes code."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(_CompileAsPart, IRLegalization)
        passes.finalize()
        return [passes]


_AS_PART = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": _PartCompiler}


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles `function` inline into the entries that call it."""
    compiled: Callable[P, R] = numba.njit(forceinline=True, _nrt=False, **_AS_PART)(function)
    return compiled


def outer(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles `function` once, to be called by the entries: for code that is long and off the fastest path."""
    compiled: Callable[P, R] = numba.njit(_nrt=False, **_AS_PART)(function)
    return compiled


def owning(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles `function` like `outer`, with the counts that it needs because it makes arrays. It returns none of them."""
    compiled: Callable[P, R] = numba.njit(_nrt=True, **_AS_PART)(function)
    return compiled


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """Compiles `function`, which Python calls, and keeps its machine code on disk."""
    compiled: Callable[P, R] = keep_on_disk(numba.njit(_nrt=False)(function))
    return compiled
