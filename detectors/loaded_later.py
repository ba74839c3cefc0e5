"""Values by name, each of which is made when somebody asks for it first."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

Value = TypeVar("Value")


class LoadedLater(Mapping[str, Value]):
    """Names what modules hold without importing them: one with kernels takes 3 to 70 ms and 1 to 5 MB, and most processes use few of them.

    Which names are there is known without an import. Two threads may make one value; both get the first.

    Args:
        makers: by name, what makes the value.
    """

    def __init__(self, makers: Mapping[str, Callable[[], Value]]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, Value] = {}

    def __getitem__(self, name: str) -> Value:
        if name not in self._made:
            self._made.setdefault(name, self._makers[name]())
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def imported(module: str, name: str) -> Any:
    """Imports `module` of `detectors`, and returns what it holds under `name`."""
    return getattr(importlib.import_module(f"detectors.{module}"), name)
