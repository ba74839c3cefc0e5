"""Snapshots in parts: whole again from any order, and never from parts that do not belong together."""

import pickle
import random

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given

from detectors.arrays import BYTES_MAX
from detectors.snapshot import ENCODED_BYTES_MAX, Snapshot
from detectors.snapshot_parts import PART_BYTES_MAX, PARTS_MAX, SnapshotAssembly, named_by, parts_of


def snapshot(sequence: int = 7, fill: float = 1.0, size: int = 600) -> Snapshot:
    return Snapshot("fraud", "hash", sequence, 5, {"weights": np.full(size, fill)}, "linear_model.LogisticRegression")


def taken(assembly: SnapshotAssembly, records: list[tuple[str, bytes]]) -> list[Snapshot]:
    """The snapshots that were whole."""
    found = (assembly.take(key, value) for key, value in records)
    return [each for each in found if each is not None]


def bytes_of(snapshots: list[Snapshot]) -> list[bytes]:
    return [each.encode() for each in snapshots]


def test_a_small_snapshot_is_one_record() -> None:
    [(key, value)] = parts_of(snapshot())
    assert key == "fraud/hash/7/1"
    assert bytes_of(taken(SnapshotAssembly(), [(key, value)])) == [snapshot().encode()]


def test_the_largest_snapshot_has_the_greatest_number_of_parts_and_each_is_small() -> None:
    records = parts_of(Snapshot("fraud", "hash", 7, 5, {"large": np.zeros(BYTES_MAX, np.uint8)}))
    assert len(records) == -(-BYTES_MAX // PART_BYTES_MAX) + 1 <= PARTS_MAX
    assert max(len(value) for _, value in records) < PART_BYTES_MAX + 1_024
    assert len(b"".join(value for _, value in records)) <= ENCODED_BYTES_MAX + PARTS_MAX * 1_024
    [whole] = taken(SnapshotAssembly(), records)
    assert whole.size_bytes == BYTES_MAX


@given(st.randoms(use_true_random=False), st.integers(100, 3_000))
def test_the_order_of_parts_means_nothing_and_repeated_parts_do_no_harm(draw: random.Random, part_bytes: int) -> None:
    records = parts_of(snapshot(), part_bytes)
    others = parts_of(Snapshot("shape", "hash", 7, 5, {"x": np.arange(900.0)}), part_bytes)
    mixed = [*records[:-1], *others[:-1], *records[:-1]]
    draw.shuffle(mixed)
    assembly = SnapshotAssembly()
    assert taken(assembly, mixed) == []
    assert assembly.waiting == len(records) + len(others) - 2
    assert bytes_of(taken(assembly, [records[-1]])) == [snapshot().encode()]
    assert taken(assembly, [others[-1]])[0].model == "shape"
    assert (assembly.waiting, assembly.dropped) == (0, 0)


def test_parts_of_two_snapshots_with_one_number_never_make_one() -> None:
    """The longer one came first; compaction, or a writer that was killed, has left its last part."""
    longer, shorter = parts_of(snapshot(size=900), 2_000), parts_of(snapshot(fill=2.0), 2_000)
    assert len(longer) > len(shorter) > 1
    assembly = SnapshotAssembly()
    assert taken(assembly, [*longer[1:], *shorter[:-1]]) == []
    assert assembly.dropped == len(longer) - 1
    assert bytes_of(taken(assembly, shorter[-1:])) == [snapshot(fill=2.0).encode()]
    assert taken(SnapshotAssembly(), [*shorter[:1], longer[-1]]) == []


def test_parts_with_another_digest_than_they_state_are_refused_and_counted() -> None:
    records = parts_of(snapshot(), 2_000)
    key, value = records[1]
    part = msgspec.msgpack.decode(value)
    part[6] = bytes(len(part[6]))
    assembly = SnapshotAssembly()
    with pytest.raises(ValueError, match="expected parts with the SHA-256"):
        taken(assembly, [records[0], (key, msgspec.msgpack.encode(part)), *records[2:]])
    assert (assembly.dropped, assembly.waiting) == (len(records), 0)
    assert bytes_of(taken(assembly, records)) == [snapshot().encode()]


def test_a_part_that_states_another_snapshot_than_its_bytes_hold_is_refused() -> None:
    [(_, value)] = parts_of(snapshot())
    part = msgspec.msgpack.decode(value)
    part[2] = 8
    with pytest.raises(ValueError, match="expected the part"):
        SnapshotAssembly().take("fraud/hash/7/1", msgspec.msgpack.encode(part))
    with pytest.raises(ValueError, match="expected snapshot 8 of fraud/hash in these parts, got 7"):
        SnapshotAssembly().take("fraud/hash/8/1", msgspec.msgpack.encode(part))


@pytest.mark.parametrize(
    ("at", "value"), [(3, 0), (3, 3), (4, 0), (4, PARTS_MAX + 1), (5, b""), (6, bytes(PART_BYTES_MAX + 1)), (0, "x" * 300)]
)
def test_a_part_that_no_snapshot_has_is_refused(at: int, value: object) -> None:
    [(key, record)] = parts_of(snapshot())
    part = msgspec.msgpack.decode(record)
    part[at] = value
    with pytest.raises(ValueError, match="part"):
        SnapshotAssembly().take(key, msgspec.msgpack.encode(part))


@given(st.sampled_from(["fraud/hash/7/1", "fraud/hash", "fraud"]), st.binary(max_size=300))
def test_foreign_bytes_are_refused(key: str, value: bytes) -> None:
    with pytest.raises(ValueError, match="snapshot"):
        SnapshotAssembly().take(key, value)


class Trap:
    """Whoever unpickles it learns of it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("a snapshot was unpickled",))


@pytest.mark.parametrize("key", ["fraud/hash/7/1", "fraud/hash"])
def test_a_pickle_is_refused_and_never_executed(key: str) -> None:
    with pytest.raises(ValueError, match="snapshot"):
        SnapshotAssembly().take(key, pickle.dumps(Trap()))


def test_a_newer_snapshot_that_is_whole_drops_the_parts_of_older_ones() -> None:
    assembly = SnapshotAssembly()
    taken(assembly, parts_of(snapshot(6), 2_000)[1:])
    taken(assembly, parts_of(snapshot(8), 2_000)[1:])
    taken(assembly, parts_of(snapshot(7), 2_000))
    assert assembly.dropped == len(parts_of(snapshot(6), 2_000)) - 1 == assembly.waiting


def test_parts_that_wait_have_a_bound_in_bytes_and_those_that_came_first_go() -> None:
    assembly = SnapshotAssembly(unfinished_bytes_max=10_000)
    for sequence in range(1, 30):
        taken(assembly, parts_of(snapshot(sequence), 2_000)[1:])
    assert assembly.waiting <= 5
    assert assembly.dropped + assembly.waiting == 29 * (len(parts_of(snapshot(), 2_000)) - 1)


def test_a_part_that_was_taken_off_the_topic_is_missing() -> None:
    records = parts_of(snapshot(), 2_000)
    assembly = SnapshotAssembly()
    taken(assembly, records[:-1])
    assembly.take_away(records[0][0])
    assert taken(assembly, records[-1:]) == []
    for key, _ in records:
        assembly.take_away(key)
    assert assembly.waiting == 0


def test_a_record_of_an_older_version_holds_a_whole_snapshot_without_a_kind() -> None:
    whole = msgspec.msgpack.decode(snapshot().encode())
    [back] = taken(SnapshotAssembly(), [("fraud/hash", msgspec.msgpack.encode([1, *whole[1:6]]))])
    assert (back.kind, back.sequence, named_by("fraud/hash"), named_by("fraud")) == ("", 7, ("fraud/hash", None), ("fraud", None))


def test_arrays_of_further_groups_travel_with_those_of_the_model_and_neither_reader_sees_the_others() -> None:
    both = Snapshot("fraud", "hash", 7, 5, {"weights": np.ones(2), "scale.knots": np.zeros(3), "scale.levels": np.zeros(4)}, "x")
    [back] = taken(SnapshotAssembly(), parts_of(both))
    assert list(back.arrays_of()) == ["weights"]
    assert sorted(back.arrays_of("scale")) == ["knots", "levels"]
    assert back.arrays_of("other") == {}
