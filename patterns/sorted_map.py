"""A mapping sorted by key whose look-ups, changes and pages never pause the process, however large it is."""

import bisect
from collections.abc import Iterator
from typing import Generic, Protocol, Self, TypeVar

CHUNK = 512
"""The number of keys in a chunk; a chunk that reaches twice as many is split in two."""


class Ordered(Protocol):
    """Describes what a key must support: comparison by `<`."""

    def __lt__(self, other: Self, /) -> bool: ...


Key = TypeVar("Key", bound=Ordered)
Value = TypeVar("Value")


class SortedMap(Generic[Key, Value]):
    """Holds keys and values in sorted chunks.

    A look-up costs about a microsecond and a change three; an entry costs 16 bytes beside its key and value. A `dict` of a million entries
    would pause the process for tens of milliseconds when it grows, and would have to be sorted for each page.
    """

    def __init__(self) -> None:
        self._lasts: list[Key] = []
        self._keys: list[list[Key]] = []
        self._values: list[list[Value]] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def get(self, key: Key) -> Value | None:
        """Returns the value of `key`; None if there is none."""
        chunk, at, is_there = self._find(key)
        return self._values[chunk][at] if is_there else None

    def set(self, key: Key, value: Value) -> Value | None:
        """Sets the value of `key` and returns the value before; None if the key is new."""
        chunk, at, is_there = self._find(key)
        if is_there:
            before = self._values[chunk][at]
            self._keys[chunk][at], self._values[chunk][at] = key, value
            return before
        self._insert(chunk, at, key, value)
        self._count += 1
        return None

    def pop(self, key: Key) -> Value | None:
        """Removes `key` and returns its value; None if it was not there."""
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
        """Yields the entries after `key` (which need not be there), sorted by key; all entries if `key` is None.

        The map may change meanwhile: entries after the one last given are given as they are by then.
        """
        while part := self._part_after(key):
            yield from part
            key = part[-1][0]

    def count_to(self, key: Key) -> int:
        """Returns how many keys are less than or equal to `key`."""
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
