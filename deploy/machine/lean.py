"""``python -m deploy.machine.lean MODULE ARGUMENTS...`` runs a module in a process that does without libraries that it never uses.

Others look for these libraries only to use them where they are. pyarrow and DuckDB import pandas to find out whether what they are given
is a frame, at the first list that becomes an array: 40 MB and half a second. numba imports SciPy for products of matrices, which no kernel
has: another quarter of a second. httpx imports Rich and Pygments for a command that nobody calls.
"""

import importlib.abc
import runpy
import sys
from collections.abc import Collection

UNUSED = frozenset({"pandas", "scipy", "rich"})


class _Nowhere(importlib.abc.MetaPathFinder):
    """Says of some libraries that they are not installed."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        """Leaves every other module to the finders behind this one."""
        if name in self._names:
            raise ModuleNotFoundError(f"this process does without {name}", name=name)


def forgo(names: Collection[str]) -> None:
    """Makes every later import of these libraries fail in this process as if they were not installed. What was imported already stays."""
    sys.meta_path.insert(0, _Nowhere(names))


def main() -> None:
    """Runs the module that the command line names, as ``python -m`` does."""
    forgo(UNUSED)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
