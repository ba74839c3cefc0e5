"""Long work in slices: between two of them others get the interpreter, so that a stream goes on while a release is compiled.

A slice holds the interpreter's lock for a millisecond or two. Whoever runs slices beside a stream pauses between them for a moment, since a
lock that is released and taken again at once goes to nobody else.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
R = TypeVar("R")
Slices = Generator[None, None, R]
_ITEMS = 256


def completed(slices: Slices[R]) -> R:
    """Runs all slices at once, and returns the result."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            result: R = end.value
            return result


def parts_of(items: Sequence[T], most: int = _ITEMS) -> Iterable[Sequence[T]]:
    """Returns the items in parts of at most so many, which are small enough for a slice where an item takes a few microseconds."""
    return (items[start : start + most] for start in range(0, len(items), most))


def each_of(items: Sequence[T], of: Callable[[T], R]) -> Slices[list[R]]:
    """Returns what `of` gives for each item, in order."""
    found: list[R] = []
    for part in parts_of(items):
        found += map(of, part)
        yield
    return found


def numbers_of(items: Sequence[T], of: Callable[[T], Iterable[int]], dtype: type[np.generic] = np.int64) -> Slices[NDArray[Any]]:
    """Returns an array of the numbers that each item has, in order."""
    arrays = [np.zeros(0, dtype)]
    for part in parts_of(items):
        arrays.append(np.array([number for item in part for number in of(item)], dtype))
        yield
    return np.concatenate(arrays)
