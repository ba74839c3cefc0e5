"""Arrays that grow in place: address space is reserved far ahead, memory is taken only where it is written."""

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESERVED_BYTES = 32 << 30
_NO_RESERVE = 0x4000  # MAP_NORESERVE of Linux: reserved addresses count against no limit until they are written


def roomy(rows: int, words: int) -> NDArray[np.int64]:
    """Zeros of shape (rows, words) that `grown` can lengthen without a copy."""
    size = 8 * rows * words
    try:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
        space = mmap.mmap(-1, max(RESERVED_BYTES, 2 * size), flags=flags)
    except (OSError, ValueError):  # a limit on address space: then arrays are copied as they grow
        return np.zeros((rows, words), dtype=np.int64)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        space.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(space, dtype=np.int64)[: rows * words].reshape(rows, words)


def grown(array: NDArray[np.int64], rows: int) -> NDArray[np.int64]:
    """`array` with `rows` rows, the new ones zero; the same memory where it has room, and then `array` sees changes too."""
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
