"""Decisions added up: whatever the cut into bundles and checkpoints, and whatever is written again, each counts once."""

from collections import Counter

import msgspec
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from imitation import DictState

from pipeline.sinks.deduplication import PAGE, FirstWins, word_of_decision
from pipeline.sinks.roll_up import OTHER, VALUES_MAX, RollUp, band_of
from pipeline.wire.bodies import PlacedRecord, read_placed_record, write_placed_record
from pipeline.wire.bundle import write_bundle
from pipeline.wire.frames import read_frames
from stores.metrics.metric_rows import MINUTE_MS, MetricRow

TOPIC = "weir.decisions"
WINDOW = 3 * PAGE


def body(value: bytes, partition: int = 0, offset: int = 0) -> bytes:
    return write_placed_record(PlacedRecord(TOPIC, partition, offset, 5, b"u", value))


def decision(id: int, revision: int = 0, **more: object) -> bytes:
    given_ = {"user": "u", "event_id": str(id), "revision": revision, "event_time": id * 9_000, "score": id % 10 / 10, "action": "approve"}
    return msgspec.json.encode(given_ | {"latency_ms": 2.0, "flags": [], "matches": [], "dimensions": {"kind": f"k{id % 3}"}} | more)


def rows_of(frames: bytes) -> list[MetricRow]:
    return [msgspec.json.decode(value, type=MetricRow) for tag, _, value in read_frames(frames) if tag == "V"]


def counted(rows: list[MetricRow]) -> Counter[tuple[int, str, str, bool]]:
    found: Counter[tuple[int, str, str, bool]] = Counter()
    for row in rows:
        found[row.time, row.dimensions["kind"], row.score_band, row.revised] += row.count
    return found


def test_a_body_is_taken_apart_into_place_key_and_value() -> None:
    placed = read_placed_record(memoryview(body(b"value", 3, 1 << 40)))
    assert (placed.place, placed.offset, placed.at_ms, placed.key, placed.value) == (f"{TOPIC}:3", 1 << 40, 5, b"u", b"value")


@settings(max_examples=examples(60))
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 1), st.integers(0, 2)), max_size=120),
    st.lists(st.sampled_from(["bundle", "checkpoint", "restart"]), min_size=1, max_size=20),
)
def test_any_cut_into_bundles_checkpoints_and_restarts_counts_the_first_of_each_once(
    written: list[tuple[int, int, int]], cuts: list[str]
) -> None:
    """A restart goes back to the last checkpoint: what was read since comes again, what was handed out since was never committed."""
    state, stage = DictState(), None
    committed: list[MetricRow] = []
    at = kept_at = 0
    step = len(written) // len(cuts) + 1
    for cut in [*cuts, "checkpoint"]:
        stage = stage or RollUp(state, WINDOW)
        part = written[at : at + step]
        at += len(part)
        if part:
            # The partition goes with the event, as the user's does.
            bodies = [body(decision(id, revision, action=f"a{n}"), partition=id % 2) for id, revision, n in part]
            assert stage.process(write_bundle("R", bodies)) == b""
        if cut == "checkpoint":
            committed += rows_of(stage.process(write_bundle("S", [b""])))
            kept_at = at
        elif cut == "restart":
            stage, at = None, kept_at
    while at < len(written):
        part = written[at:]
        at = len(written)
        stage = stage or RollUp(state, WINDOW)
        stage.process(write_bundle("R", [body(decision(id, revision, action=f"a{n}"), partition=id % 2) for id, revision, n in part]))
    committed += rows_of((stage or RollUp(state, WINDOW)).process(write_bundle("S", [b""])))
    first = {(id, revision) for id, revision, _ in written}
    oracle = Counter((id * 9_000 // MINUTE_MS * MINUTE_MS, f"k{id % 3}", band_of(id % 10 / 10), revision > 0) for id, revision in first)
    assert counted(committed) == oracle


def test_the_first_of_two_decisions_on_an_event_counts() -> None:
    stage = RollUp(DictState(), WINDOW)
    stage.process(write_bundle("R", [body(decision(1, action="block")), body(decision(1, action="approve"))]))
    [row] = rows_of(stage.process(write_bundle("S", [b""])))
    assert (row.action, row.count, stage.taken.repeats) == ("block", 1, 1)


def test_one_id_of_two_users_is_counted_twice() -> None:
    stage = RollUp(DictState(), WINDOW)
    stage.process(write_bundle("R", [body(decision(1, user=user)) for user in ("u", "v", "u")]))
    assert sum(row.count for row in rows_of(stage.process(write_bundle("S", [b""])))) == 2


def test_nothing_comes_of_a_checkpoint_without_decisions() -> None:
    assert RollUp(DictState(), WINDOW).process(write_bundle("S", [b""])) == b""


@pytest.mark.parametrize(("score", "band"), [(0.0, "0.0-0.1"), (0.1, "0.1-0.2"), (0.999, "0.9-1.0"), (1.0, "0.9-1.0"), (None, "none")])
def test_a_band_holds_its_lower_edge_and_the_last_its_upper_too(score: float | None, band: str) -> None:
    assert band_of(score) == band


def test_values_of_a_dimension_beyond_its_bound_are_counted_together() -> None:
    stage = RollUp(DictState(), WINDOW)
    many = [decision(id, dimensions={"kind": f"v{id}"}, event_time=0, score=None) for id in range(VALUES_MAX + 50)]
    stage.process(write_bundle("R", [body(value) for value in many]))
    rows = rows_of(stage.process(write_bundle("S", [b""])))
    assert len(rows) == VALUES_MAX + 1
    assert {row.count for row in rows if row.dimensions["kind"] == OTHER} == {50}


def test_what_is_no_decision_is_counted_and_passed_over() -> None:
    stage = RollUp(DictState(), WINDOW)
    deep, huge = b'{"event_id": ' + b"[" * 100_000, decision(2, event_time=1 << 70)
    stage.process(write_bundle("R", [body(value) for value in (b"{", b"\xff", b'{"event_id": 1}', deep, huge, decision(1))]))
    assert stage.taken.aside.count == 5
    assert sum(row.count for row in rows_of(stage.process(write_bundle("S", [b""])))) == 1


class TestFirstWins:
    def test_repeats_are_known_within_the_window_and_new_again_beyond_it(self) -> None:
        first_wins = FirstWins(DictState(), 2 * PAGE)
        assert all(first_wins.is_first("p", word) for word in range(3 * PAGE))
        assert not first_wins.is_first("p", 3 * PAGE - 1)
        assert not first_wins.is_first("p", PAGE)
        assert first_wins.is_first("p", 0)

    def test_partitions_know_nothing_of_each_other(self) -> None:
        first_wins = FirstWins(DictState(), PAGE)
        assert first_wins.is_first("p", 1)
        assert first_wins.is_first("q", 1)

    @pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 5 * PAGE + 7])
    def test_a_restart_knows_what_was_saved_and_keeps_no_more_pages_than_the_window_has(self, count: int) -> None:
        state = DictState()
        first_wins = FirstWins(state, 2 * PAGE)
        for word in range(count):
            first_wins.is_first("p", word)
            if word % 1_000 == 0:
                first_wins.save()
        first_wins.save()
        again = FirstWins(state, 2 * PAGE)
        known = range(max(0, count // PAGE - 2) * PAGE, count)
        assert not any(again.is_first("p", word) for word in known)
        assert len(state.pages.get(b"p", {})) <= 2
        assert again.is_first("p", 1 << 60)

    def test_what_came_after_the_save_is_new_after_a_restart(self) -> None:
        state = DictState()
        first_wins = FirstWins(state, PAGE)
        first_wins.is_first("p", 1)
        first_wins.save()
        first_wins.is_first("p", 2)
        again = FirstWins(state, PAGE)
        assert not again.is_first("p", 1)
        assert again.is_first("p", 2)

    def test_an_id_and_a_revision_have_a_word_of_their_own(self) -> None:
        ids, users, revisions = ("1", "1 ", "11", ""), ("", "1", "1 1"), (0, 1, 11)
        assert len({word_of_decision(user, id, revision) for user in users for id in ids for revision in revisions}) == 36
