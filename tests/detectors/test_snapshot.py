"""Snapshots as bytes: the same back, or refused."""

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays_of

from detectors.arrays import BYTES_MAX
from detectors.snapshot import Snapshot


def snapshot() -> Snapshot:
    return Snapshot("fraud", "hash", 7, 1_522_540_831_000, {"b": np.arange(6.0).reshape(2, 3), "a": np.zeros(0, np.uint8)})


def spoiled(**changes: object) -> bytes:
    """The snapshot's bytes with one array of another form."""
    whole = msgspec.msgpack.decode(snapshot().encode())
    array = {"dtype": "<f8", "shape": [2, 3], "cells": bytes(48)} | changes
    whole[5]["b"] = [array["dtype"], array["shape"], array["cells"]]
    return msgspec.msgpack.encode(whole)


@given(
    cells=arrays_of.arrays(
        st.sampled_from([np.float64, np.int64, np.int32, np.uint8]), arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    )
)
def test_any_array_comes_back_bit_for_bit(cells: np.ndarray) -> None:
    back = Snapshot.decode(Snapshot("m", "hash", 1, -5, {"cells": cells}).encode())
    assert (back.model, back.definition, back.sequence, back.event_time_ms) == ("m", "hash", 1, -5)
    assert back.arrays["cells"].dtype == cells.dtype
    assert back.arrays["cells"].shape == cells.shape
    assert back.arrays["cells"].tobytes() == cells.tobytes()
    assert back.arrays["cells"].flags.writeable


def test_the_order_of_arrays_does_not_change_the_bytes() -> None:
    one = snapshot()
    other = Snapshot(one.model, one.definition, one.sequence, one.event_time_ms, dict(reversed(one.arrays.items())))
    assert list(one.arrays) != list(other.arrays)
    assert one.encode() == other.encode()


@given(st.binary(max_size=200))
def test_foreign_bytes_are_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match="snapshot"):
        Snapshot.decode(value)


@given(at=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_still_a_snapshot(at: int, byte: int) -> None:
    value = bytearray(snapshot().encode())
    value[at % len(value)] = byte
    try:
        back = Snapshot.decode(bytes(value))
    except ValueError:
        return
    assert sum(array.nbytes for array in back.arrays.values()) <= len(value)


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "|O"},
        {"dtype": "<U4"},
        {"dtype": "not a dtype"},
        {"shape": [3, 3]},
        {"shape": [-2, -3]},
        {"shape": [2**62, 2**62]},
        {"shape": [1, 1, 2, 3]},
        {"cells": bytes(40)},
    ],
    ids=str,
)
def test_an_array_that_does_not_fit_its_own_description_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="array 'b'"):
        Snapshot.decode(spoiled(**changes))


def test_another_format_version_is_refused_by_number() -> None:
    whole = msgspec.msgpack.decode(snapshot().encode())
    whole[0] = 99
    with pytest.raises(ValueError, match="format 1 or 2, got 99"):
        Snapshot.decode(msgspec.msgpack.encode(whole))


def test_names_have_a_bound() -> None:
    with pytest.raises(ValueError, match="names of at most"):
        Snapshot.decode(Snapshot("m" * 300, "hash", 1, 0, {}).encode())
    with pytest.raises(ValueError, match="names of at most"):
        Snapshot.decode(Snapshot("m", "hash", 1, 0, {}, "k" * 300).encode())


def test_too_many_arrays_or_bytes_are_refused_when_encoding() -> None:
    with pytest.raises(ValueError, match="at most"):
        Snapshot("m", "hash", 1, 0, {str(i): np.zeros(1) for i in range(65)}).encode()
    with pytest.raises(ValueError, match="at most"):
        Snapshot("m", "hash", 1, 0, {"large": np.zeros(BYTES_MAX + 1, np.uint8)}).encode()


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([object()]), np.zeros((1, 1, 1, 1)), np.zeros(1, ">f8")])
def test_arrays_that_do_not_travel_are_refused_when_encoding(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"array .*: expected .* dimensions, got"):
        Snapshot("m", "hash", 1, 0, {"a": array}).encode()
