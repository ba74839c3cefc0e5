"""A process that makes no data frames does without pandas.

pyarrow and DuckDB import pandas, where it is installed, to find out whether what they are given is a frame: at the first list that
becomes an array. It takes 40 MB and half a second, in each process of a solo system.
"""

import importlib.abc
import sys

_NAME = "pandas"


class _Nowhere(importlib.abc.MetaPathFinder):
    """Says of pandas that it is not installed."""

    def find_spec(self, name: str, path: object, target: object = None) -> None:
        """Leaves every other module to the finders behind this one."""
        if name == _NAME:
            raise ModuleNotFoundError(f"this process does without {name}", name=name)


def forgo_pandas() -> None:
    """Makes every later import of pandas fail in this process as if it was not installed. One that was imported already stays."""
    sys.meta_path.insert(0, _Nowhere())
