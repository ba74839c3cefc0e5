"""Holds the heads of many profiles as bytes."""

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from foundation.number_arrays import Int64s


class Heads(Sequence[bytes]):
    """The heads of n profiles, one behind the other in one buffer, from which each is cut when it is asked for.

    Whoever hands all of them on takes `joined` and `lengths` as they are: an object for each head costs more than its bytes.

    Args:
        joined: the bytes of all heads. They are those of others once this object is gone.
        ends: [n] where each ends in them.
    """

    def __init__(self, joined: bytes | memoryview, ends: Int64s) -> None:
        self.joined = joined
        self._ends = ends

    @classmethod
    def of(cls, heads: Sequence[bytes]) -> "Heads":
        """Joins heads that are apart."""
        return cls(b"".join(heads), np.cumsum([len(head) for head in heads], dtype=np.int64))

    @property
    def lengths(self) -> Int64s:
        """Returns the bytes [n] of each head."""
        return np.diff(self._ends, prepend=0)

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, at: int) -> bytes: ...

    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...

    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        if isinstance(at, slice):
            return list(self)[at]
        place = range(len(self))[at]
        start = int(self._ends[place - 1]) if place else 0
        return bytes(self.joined[start : int(self._ends[place])])

    def __iter__(self) -> Iterator[bytes]:
        joined, start = bytes(self.joined), 0
        for end in self._ends.tolist():
            yield joined[start:end]
            start = end
