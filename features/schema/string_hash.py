"""Hashes texts to 64-bit cells, which rows hold in place of the texts."""

import functools
import hashlib
import struct
from collections.abc import Iterable

import numpy as np

from foundation.number_arrays import Float64s

_MASK = ~(1 << 62)
_CACHED_MAX = 65_536
_CACHED_CHARACTERS_MAX = 64
_NONE = float("nan")
_as_int, _as_float = struct.Struct("<q"), struct.Struct("<d")


def words_of(texts: Iterable[str | None], n: int) -> Float64s:
    """Returns one cell for each of n texts, as a float: equal for equal texts, in every process; NaN for None and ''.

    Two texts share a cell with a probability of 2**-63. About 0.1 µs for a text seen before, 1 µs for another one.
    """
    return np.fromiter(map(word_of, texts), np.float64, n)


def word_of(text: str | None) -> float:
    """Returns 8 bytes of BLAKE2b as a float; the second-highest bit is cleared, so that the number is finite."""
    if not text:
        return _NONE
    return _short(text) if len(text) <= _CACHED_CHARACTERS_MAX else _word(text)


def _word(text: str) -> float:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    word: float = _as_float.unpack(_as_int.pack(_as_int.unpack(digest)[0] & _MASK))[0]
    return word


_short = functools.lru_cache(_CACHED_MAX)(_word)
