"""Packs named arrays as bytes and back: sizes are bounded, contents are checked, and nothing is executed."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.learner import Arrays

BYTES_MAX = 64 << 20
"""The maximum size of all arrays of one object."""
ARRAYS_MAX = 64
DIMENSIONS_MAX = 3
DTYPES = frozenset({"<f8", "<i8", "<i4", "|u1"})
_PACKABLE = f"{', '.join(sorted(DTYPES))} with at most {DIMENSIONS_MAX} dimensions"


class PackedArray(msgspec.Struct, array_like=True, frozen=True):
    """Holds one array: its dtype in numpy's spelling, its shape, and its cells in C order, little-endian."""

    dtype: str
    shape: tuple[int, ...]
    cells: bytes


def pack_arrays(arrays: Arrays) -> dict[str, PackedArray]:
    """Packs arrays into a form that msgspec can encode.

    Raises:
        ValueError: a dtype is not in `DTYPES`, or there are too many dimensions, arrays or bytes.
    """
    packed = {name: _pack(name, array) for name, array in arrays.items()}
    _check_size(packed)
    return packed


def unpack_arrays(packed: Mapping[str, PackedArray]) -> Arrays:
    """Returns writable copies of the arrays that `pack_arrays` was given.

    Raises:
        ValueError: `pack_arrays` cannot have made this.
    """
    _check_size(packed)
    return {name: _unpack(name, array) for name, array in packed.items()}


def expect_array(arrays: Arrays, name: str, dtype: str, shape: tuple[int | None, ...]) -> NDArray[Any]:
    """Returns the array `name`, C-contiguous and writable, if it has this dtype and shape (``None`` allows any length).

    Raises:
        ValueError: the array is missing or has another dtype or shape; says what was expected and got.
    """
    array = arrays.get(name)
    if array is None:
        raise ValueError(f"array {name!r} is missing; there are {sorted(arrays)}")
    fits = len(array.shape) == len(shape) and all(want is None or want == got for want, got in zip(shape, array.shape, strict=True))
    if array.dtype.str != dtype or not fits:
        raise ValueError(f"array {name!r}: expected {dtype} {shape}, got {array.dtype.str} {array.shape}")
    return np.array(array, order="C")


def _pack(name: str, array: NDArray[Any]) -> PackedArray:
    if array.dtype.str not in DTYPES or array.ndim > DIMENSIONS_MAX:
        raise ValueError(f"array {name!r}: expected {_PACKABLE}, got {array.dtype.str} with {array.ndim}")
    return PackedArray(array.dtype.str, array.shape, array.tobytes())


def _unpack(name: str, packed: PackedArray) -> NDArray[Any]:
    if packed.dtype not in DTYPES or len(packed.shape) > DIMENSIONS_MAX or any(length < 0 for length in packed.shape):
        raise ValueError(f"array {name!r}: expected {_PACKABLE}, got {packed.dtype} {packed.shape}")
    dtype = np.dtype(packed.dtype)
    bytes_expected = math.prod(packed.shape) * dtype.itemsize
    if bytes_expected != len(packed.cells):
        raise ValueError(f"array {name!r}: expected {bytes_expected} bytes for {packed.shape}, got {len(packed.cells)}")
    return np.frombuffer(packed.cells, dtype).reshape(packed.shape).copy()


def _check_size(packed: Mapping[str, PackedArray]) -> None:
    size = sum(len(array.cells) for array in packed.values())
    if len(packed) > ARRAYS_MAX or size > BYTES_MAX:
        raise ValueError(f"expected at most {ARRAYS_MAX} arrays and {BYTES_MAX} bytes, got {len(packed)} and {size}")
