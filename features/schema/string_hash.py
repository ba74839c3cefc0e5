"""Texts as 64-bit words that rows hold in place of them."""

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
    """A word for each of n texts, seen as a float: alike for equal texts, in every process; NaN for None and ''.

    Two texts share a word with a probability of 2**-63. About 0.1 µs a text that was seen before, 1 µs another one.
    """
    return np.fromiter(map(word_of, texts), np.float64, n)


def word_of(text: str | None) -> float:
    """8 bytes of BLAKE2b with the second-highest bit cleared, so that they are a finite number."""
    if not text:
        return _NONE
    return _short(text) if len(text) <= _CACHED_CHARACTERS_MAX else _word(text)


def _word(text: str) -> float:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    word: float = _as_float.unpack(_as_int.pack(_as_int.unpack(digest)[0] & _MASK))[0]
    return word


_short = functools.lru_cache(_CACHED_MAX)(_word)
