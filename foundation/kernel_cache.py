"""Keeps compiled kernels on disk, found by the code of all the sources that they were compiled from."""

import bisect
import functools
import hashlib
import os
import pathlib
import shutil
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator

from foundation.cache_folder import cache_folder
from foundation.source_digests import SourceDigests

PROJECT = pathlib.Path(__file__).resolve().parent.parent

UNUSED_DAYS_MAX = 30
"""Kernels that nothing has loaded for so many days are deleted when new ones are compiled."""


def keep_on_disk(dispatcher: Any) -> Any:
    """Makes numba load the machine code of `dispatcher` from disk if it is there, and otherwise write it there.

    numba's own cache knows the file of a function, but not the functions compiled into it from elsewhere. Here a kernel is known by the
    digest of its module and of every module of the project that it imports, so that a change of a part never leaves an old kernel in use, a
    change elsewhere compiles nothing, and two checkouts with the same sources share kernels.

    Args:
        dispatcher: the result of ``numba.njit`` before anything is compiled.

    Returns:
        The same dispatcher.
    """
    dispatcher._cache = _KernelCache(dispatcher.py_func)
    return dispatcher


@functools.cache
def digest_of(source: pathlib.Path) -> str:
    """Returns the SHA-256, in hexadecimal, of the code of `source` and of all modules of the project that it imports, directly or not.

    The names of the modules count, because machine code names the module that it is of, and cannot be loaded where that is gone. Comments,
    docstrings and the places of lines are no code: other words compile nothing.

    Args:
        source: the absolute path of a module.
    """
    found: dict[pathlib.Path, _Code] = {}
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = _code_of(path)
            waiting += found[path].imports
    named = {os.path.relpath(path, PROJECT): bytes.fromhex(code.digest) for path, code in found.items()}
    return hashlib.sha256(repr(sorted(named.items())).encode()).hexdigest()


class _Code(NamedTuple):
    """Describes what a module does.

    Args:
        digest: see `Source`.
        imports: the modules of the project that it names in its absolute imports.
        starts: see `Source`.
    """

    digest: str
    imports: list[pathlib.Path]
    starts: list[int]


_known = SourceDigests(cache_folder)


@functools.cache
def _code_of(path: pathlib.Path) -> _Code:
    """Reads a module, once a process; what an earlier process has read of it is known while the file is the same."""
    source = _known.of(path)
    paths = [PROJECT / (module.replace(".", "/") + ".py") for module in source.modules]
    return _Code(source.digest, [path for path in paths if path.exists()], source.starts)


class _ByCode(_CacheLocator):  # type: ignore[misc]  # numba is untyped
    """Places the kernels of a function in a folder named by the digest of its sources."""

    def __init__(self, function: Callable[..., Any], file: str) -> None:
        source = pathlib.Path(file).resolve()
        self._digest = digest_of(source)
        self._position = bisect.bisect_right(_code_of(source).starts, function.__code__.co_firstlineno)
        self._folder = cache_folder() / self._digest[:32]

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> "_ByCode":
        return cls(py_func, py_file)

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return self._digest

    def get_disambiguator(self) -> str:
        """Returns which function of its module this is: its name alone need not say, and its line changes with the words above it."""
        return str(self._position)

    def ensure_cache_path(self) -> None:
        if not self._folder.exists():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _delete_unused(self._folder.parent)


def _delete_unused(folder: pathlib.Path) -> None:
    oldest = time.time() - UNUSED_DAYS_MAX * 86_400
    for kernels in folder.iterdir():
        if kernels.stat().st_mtime < oldest:
            shutil.rmtree(kernels, ignore_errors=True)


class _Kernels(CompileResultCacheImpl):  # type: ignore[misc]  # numba is untyped
    _locator_classes = [_ByCode]  # noqa: RUF012 - numba reads the attribute of the class


class _KernelCache(FunctionCache):  # type: ignore[misc]  # numba is untyped
    """Continues without the disk if its folder cannot be read or written: then each process compiles a kernel once."""

    _impl_class = _Kernels

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            found = super().load_overload(sig, target_context)
            if found is not None:
                os.utime(self.cache_path)
        except OSError:
            return None
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except OSError:
            self.disable()
