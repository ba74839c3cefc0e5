"""Hashes texts to 64-bit cells, which rows hold in place of the texts."""

import hashlib
import struct
from collections.abc import Iterable, Iterator

import numpy as np

from foundation.number_arrays import Float64s

_MASK = ~(1 << 62)
_CACHED_MAX = 65_536
_CACHED_CHARACTERS_MAX = 64
_NONE = float("nan")
_as_int, _as_float = struct.Struct("<q"), struct.Struct("<d")


def words_of(texts: Iterable[str | None], n: int) -> Float64s:
    """Returns one cell for each of n texts, as a float: equal for equal texts, in every process; NaN for None and ''.

    Two texts share a cell with a probability of 2**-63. About 0.05 µs for a text seen before, 1 µs for another one.
    """
    return np.fromiter(each_word(texts), np.float64, n)


def each_word(texts: Iterable[str | None]) -> Iterator[float]:
    """Returns the cells of texts one after the other, see `words_of`."""
    return map(_words.__getitem__, texts)


def word_of(text: str | None) -> float:
    """Returns 8 bytes of BLAKE2b as a float; the second-highest bit is cleared, so that the number is finite."""
    return _words[text]


class _Words(dict[str | None, float]):
    """Gives the cell of each text, and remembers those of the newest, which it then gives without a call of a Python function.

    They are remembered in two generations: once the newer one is full, the older one goes.
    """

    def __init__(self) -> None:
        super().__init__()
        self._older: dict[str | None, float] = {}

    def __missing__(self, text: str | None) -> float:
        word = self._older.get(text)
        if word is None:
            word = _word(text) if text else _NONE
        if text is None or len(text) <= _CACHED_CHARACTERS_MAX:
            if len(self) >= _CACHED_MAX // 2:
                self._older = dict(self)
                self.clear()
            self[text] = word
        return word


def _word(text: str) -> float:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    word: float = _as_float.unpack(_as_int.pack(_as_int.unpack(digest)[0] & _MASK))[0]
    return word


_words = _Words()
