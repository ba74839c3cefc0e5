"""Which snapshots a stage knows: what the topic holds, in whatever order its records come."""

import random

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from detectors.snapshot import Snapshot
from detectors.snapshot_parts import parts_of
from pipeline.control.known_snapshots import KnownSnapshots

Record = tuple[str, bytes, int]


def snapshot(sequence: int, model: str = "fraud", definition: str = "a", size: int = 100) -> Snapshot:
    return Snapshot(model, definition, sequence, 5, {"weights": np.full(size, float(sequence))})


def records(*snapshots: Snapshot) -> list[Record]:
    """As they lie on the topic, in parts of 300 bytes, with their positions."""
    parts = [part for each in snapshots for part in parts_of(each, 300)]
    return [(key, value, position) for position, (key, value) in enumerate(parts, 1)]


def known_from(given: list[Record], **bounds: int) -> KnownSnapshots:
    known = KnownSnapshots(**bounds)
    for record in given:
        known.take(*record)
    return known


def held(known: KnownSnapshots, key: str = "fraud/a") -> list[tuple[int, int]]:
    """Position and number of each snapshot."""
    return [(each.since, each.snapshot.sequence) for each in known.of(key)]


def test_a_snapshot_is_known_once_it_is_whole_from_the_position_of_its_last_part_on() -> None:
    known, given = KnownSnapshots(), records(snapshot(1), snapshot(2))
    whole_at = [position for key, value, position in given if known.take(key, value, position)]
    assert whole_at == [len(given) // 2, len(given)]
    assert held(known) == list(zip(whole_at, [1, 2], strict=True))
    assert [each.snapshot.sequence for each in known.each()] == [1, 2]


@given(st.randoms(use_true_random=False))
def test_the_order_of_whole_snapshots_means_nothing(draw: random.Random) -> None:
    given = [(key, value, position) for position, each in enumerate(map(snapshot, range(1, 6)), 1) for key, value in parts_of(each)]
    draw.shuffle(given)
    assert held(known_from(given)) == [(number, number) for number in range(1, 6)]


def test_a_part_taken_off_the_topic_takes_its_snapshot_off_and_no_other() -> None:
    given = records(snapshot(1), snapshot(2))
    known = known_from(given)
    assert known.take(given[0][0], None)
    assert [number for _, number in held(known)] == [2]
    assert not known.take(given[1][0], None)
    assert not known.take("fraud/a/9/1", None)
    for key, _, _ in given:
        known.take(key, None)
    assert list(known.each()) == []


def test_a_snapshot_that_is_published_again_stays_in_force_from_when_it_was_first() -> None:
    given = records(snapshot(1))
    known = known_from(given)
    changed = [known.take(key, value, position + 100) for key, value, position in given]
    assert changed == [False] * len(given)
    assert held(known) == [(len(given), 1)]


def test_a_record_that_cannot_be_used_is_counted_and_nothing_else_changes() -> None:
    known = known_from(records(snapshot(1)))
    for bad in (("fraud/a/2/1", b"no snapshot"), ("fraud/a", b"\xff"), ("fraud/a/3/1", parts_of(snapshot(2))[0][1])):
        with pytest.raises(ValueError, match="snapshot"):
            known.take(*bad)
    assert known.refused == 3
    assert [number for _, number in held(known)] == [1]


def test_beyond_the_bound_replaced_snapshots_go_first_and_the_next_one_takes_their_place_in_time() -> None:
    given = [(key, value, number) for number in range(1, 6) for key, value in parts_of(snapshot(number))]
    given += [(key, value, 6) for key, value in parts_of(snapshot(1, "shape"))]
    known = known_from(given, held_bytes_max=4 * 800)
    assert held(known) == [(1, 3), (4, 4), (5, 5)]
    assert held(known, "shape/a") == [(6, 1)]


def test_a_snapshot_larger_than_the_bound_is_let_go_and_stops_nothing() -> None:
    known = known_from([(key, value, 1) for key, value in parts_of(snapshot(1))], held_bytes_max=799)
    assert list(known.each()) == []


def test_a_whole_record_of_an_older_version_takes_the_place_of_the_one_before_it_under_its_key() -> None:
    known = KnownSnapshots()
    for position, sequence in enumerate((1, 2, 1), 1):
        known.take("fraud/a", snapshot(sequence).encode(), position)
    assert held(known) == [(1, 2)]
    assert known.take("fraud/a", None)
    assert list(known.each()) == []
