"""Arrays that grow in place: address space is reserved far ahead, while memory is only used where it is written."""

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESERVED_BYTES = 32 << 30
_NO_RESERVE = 0x4000  # MAP_NORESERVE of Linux: reserved addresses do not count against limits before they are written


def roomy(rows: int, words: int) -> NDArray[np.int64]:
    """Makes zeros of shape (rows, words) that `grown` can lengthen without a copy."""
    size = 8 * rows * words
    try:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
        space = mmap.mmap(-1, max(RESERVED_BYTES, 2 * size), flags=flags)
    except (OSError, ValueError):  # address space is limited: arrays are copied when they grow
        return np.zeros((rows, words), dtype=np.int64)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        space.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(space, dtype=np.int64)[: rows * words].reshape(rows, words)


def grown(array: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """Returns `array` with `rows` rows, the new ones zero; it shares memory with `array` where that has room."""
    words = array.shape[1]
    owner: Any = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if owner.size >= rows * words and owner.ctypes.data == array.ctypes.data:
        longer: NDArray[np.int64] = owner.reshape(-1)[: rows * words].reshape(rows, words)
        return longer
    copy = roomy(rows, words)
    copy[: len(array)] = array
    return copy
