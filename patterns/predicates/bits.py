"""Counts the bits of words."""

from typing import Any

import numpy as np

from foundation.compiled import inner


@inner
def bits_of(given: Any) -> int:
    """Returns how many bits of a word of 64 are set."""
    word = given - ((given >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((word * np.uint64(0x0101010101010101)) >> np.uint64(56))
