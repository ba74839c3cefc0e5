from dataclasses import replace

import numpy as np
import pytest

from features.definitions.aggregate import Code, Reading
from features.definitions.row_column import Origin, RowColumn
from features.definitions.window import SLIDING, Window
from features.layout.layout import DROPPED, DUPLICATE, FREE_NOTES, FREE_PAGES, ID_REUSED, LATE, PAGE, RETRACTED, TOO_LATE
from features.plan.plan_compiler import compile_plan
from features.profiles.codec import Saved
from features.profiles.profiles import Profiles
from features.profiles.sections import Section, Widths
from features.profiles.slab import with_values
from features.profiles.window_state import WindowState
from features.schema.batch import Batch
from features.schema.event import RETRACT
from features.schema.schema import read_schema
from features.sets.feature_set import read_features
from foundation.refusal import Refusal

SCHEMA = read_schema(
    """
id: {field: id, type: integer}
time: {field: ts}
user: user
fields: {amount: {type: decimal, retain: true}, x: {type: float, retain: true}, y: {type: float, retain: true}}
retention: 40d
"""
)
DAY_MS = 86_400_000
FEATURES = "\n".join(
    f"- {{name: {template}_{days}, template: {template}, window: {days}d{', value: event.amount' if template != 'count' else ''}}}"
    for days in (1, 7, 30)
    for template in ("count", "mean", "std", "max")
)
PLAN = read_features(FEATURES, SCHEMA).plans["user"]


def declared(*widths: tuple[str, int]) -> tuple[Section, ...]:
    return tuple(Section(name, width) for name, width in widths)


COLUMNS = [RowColumn(name, Origin.NUMBER, name, scale) for name, scale in (("amount", 100.0), ("x", 1.0), ("y", 1.0))]


def reading(code: Code, column: str, length_ms: int, delay_ms: int = 0) -> Reading:
    return Reading(code, column, Window(SLIDING, length_ms, delay_ms))


def plan_of(readings: list[Reading]):
    return compile_plan("user", True, readings, COLUMNS, SCHEMA)


def batch_of(times: list[int], ids: list[int] | None = None, amounts: list[float] | None = None, bodies: list[int] | None = None) -> Batch:
    keys = np.array(ids if ids is not None else range(len(times)), dtype=np.int64)
    numbers = np.zeros((len(times), 3))
    numbers[:, 0] = amounts if amounts is not None else 100.0
    body_keys = np.array(bodies, dtype=np.int64) if bodies is not None else keys
    return Batch([str(key) for key in keys], keys, keys, np.array(times, dtype=np.int64), ["u"] * len(times), {}, numbers, body_keys)


def observed(profiles: Profiles, batch: Batch, keys: list[str] | None = None) -> tuple[np.ndarray, list[int], np.ndarray]:
    out = np.full((len(batch), profiles.plan.width), -1.0)
    values = profiles.plan.row_values.of(batch)
    flags, rows, _ = profiles.observe(profiles.slots(keys or batch.users), batch, values, out)
    return out, flags.tolist(), rows


def test_flags_tell_late_too_late_duplicate_and_reused() -> None:
    batch = batch_of([1_000_000, 2_000_000, 1_400_000, 1_399_999, 2_000_000, 2_000_000], [0, 1, 2, 3, 1, 1], bodies=[0, 1, 2, 3, 1, 9])
    out, flags, rows = observed(Profiles(PLAN), batch)
    assert flags == [0, 0, LATE, TOO_LATE, DUPLICATE, ID_REUSED]
    assert np.isnan(out[3:]).all()
    assert (rows[[3, 5]] == -1).all()
    assert rows[4] == rows[1]


def test_what_was_decided_is_told_for_a_duplicate_also_after_a_restore_and_a_late_event_before_it() -> None:
    profiles = Profiles(PLAN)
    times = [1_000 * n for n in range(40)]
    _, _, rows = observed(profiles, batch_of([*times, 20_500], [*range(40), 99]))
    profiles.remember(rows, np.arange(41) / 100, np.arange(41))
    saved = profiles.save(profiles.slots(["u"]))
    restored = Profiles(PLAN)
    restored.restore("u", saved.heads[0], [(seq, blob) for _, seq, blob in saved.pages])
    for state in (profiles, restored):
        _, flags, again = observed(state, batch_of(times[10:40], list(range(10, 40))))
        assert flags == [DUPLICATE] * 30
        scores, outcomes = state.recall(again)
        assert outcomes.tolist() == list(range(10, 40))
        assert scores.tolist() == (np.arange(10, 40) / 100).tolist()


def test_each_of_many_profiles_saved_together_is_what_it_is_alone() -> None:
    """They are cut out of one buffer, and of several sizes: 12 profiles have one event, 6 have two, 4 have three."""
    keys = [f"{number} of {events}" for events in (1, 2, 3) for number in range(12 // events)]
    events = [key for key in keys for _ in range(int(key[-1]))]
    profiles = Profiles(PLAN)
    observed(profiles, batch_of(list(range(len(events))), amounts=list(range(len(events)))), events)
    slots = profiles.slots(keys[::-1])
    together = list(profiles.save(slots).heads)
    assert together == [profiles.save(slots[at : at + 1]).heads[0] for at in range(len(slots))]
    assert len(set(together)) == len(keys)


def test_heads_that_somebody_holds_stay_as_they_are_when_others_are_written() -> None:
    profiles = Profiles(PLAN)
    slots = profiles.slots(["u", "v"])
    first, second = (profiles.save(slots[at : at + 1]).heads for at in (0, 1))
    observed(profiles, batch_of([1_000]))
    third = profiles.save(slots[:1]).heads
    assert (first[0], first[-1], first[:1]) == (second[0], second[0], [second[0]])
    assert len(third[0]) > len(first[0])


def test_only_changed_sealed_pages_are_saved_and_old_ones_dropped() -> None:
    profiles = Profiles(PLAN)
    slots = profiles.slots(["u"])
    observed(profiles, batch_of([1_000 * n for n in range(40)]))
    assert [seq for _, seq, _ in profiles.save(slots).pages] == [0, 1]
    observed(profiles, batch_of([41_000], [41]))
    assert profiles.save(slots).pages == []
    profiles.label(slots, np.array([3_000]), np.array([3]), ["u"], np.array([1], dtype=np.int8), np.array([50_000]))
    observed(profiles, batch_of([60_000], [60]))
    assert [seq for _, seq, _ in profiles.save(slots).pages] == [0]
    observed(profiles, batch_of([50 * DAY_MS], [61]))
    saved = profiles.save(slots)
    assert sorted(saved.dropped) == [(0, 0), (0, 1)]
    assert saved.pages == []


def test_a_profile_with_100_events_of_three_fields_takes_less_than_12_kilobytes() -> None:
    profiles = Profiles(PLAN)
    observed(profiles, batch_of([1_000_000 * n for n in range(100)]))
    saved = profiles.save(profiles.slots(["u"]))
    assert len(saved.heads[0]) + sum(len(blob) for _, _, blob in saved.pages) <= 12_288


def test_evicted_profiles_are_the_least_recently_used_and_leave_nothing_behind() -> None:
    profiles = Profiles(PLAN, declared(("own", 2)))
    for key in "abc":
        observed(profiles, batch_of([1_000 * n for n in range(20)]), [key] * 20)
        profiles.sections.words[profiles.slots([key])[0]] = 7.0
    observed(profiles, batch_of([30_000], [30]), ["a"])
    one = profiles.size_bytes / 3
    assert profiles.evict(int(1.5 * one)) == pytest.approx(2 * one)
    assert profiles.missing(["a", "b", "c", "b"]) == ["b", "c"]
    out, flags, _ = observed(profiles, batch_of([1_000], [0]), ["d"])
    assert out[0, 0] == 1
    assert flags == [0]
    assert profiles.sections.words[profiles.slots(["d"])[0]].tolist() == [0.0, 0.0]


def test_extra_numbers_are_restored_and_survive_growth() -> None:
    profiles = Profiles(PLAN, declared(("own", 2)))
    slot = profiles.slots(["u"])
    profiles.sections.words[slot[0]] = (1.5, -2.0)
    profiles.slots([str(n) for n in range(1_000)])
    saved = profiles.save(slot)
    restored = Profiles(PLAN, declared(("own", 2)))
    restored.restore("u", saved.heads[0], [])
    assert restored.sections.words[restored.slots(["u"])[0]].tolist() == [1.5, -2.0]


def test_each_detector_finds_its_own_numbers_again_and_a_new_one_begins_at_zero() -> None:
    profiles = Profiles(PLAN, declared(("gone", 1), ("own", 2), ("wider", 1)))
    slot = profiles.slots(["u"])
    profiles.sections.words[slot[0]] = (9.0, 1.5, -2.0, 7.0)
    saved = profiles.save(slot)
    restored = Profiles(PLAN, declared(("new", 1), ("wider", 2), ("own", 2)))
    restored.restore("u", saved.heads[0], [])
    assert restored.sections.words[restored.slots(["u"])[0]].tolist() == [0.0, 0.0, 0.0, 1.5, -2.0]


def head_of_two_detectors() -> bytes:
    profiles = Profiles(PLAN, declared(("own", 2), ("other", 1)))
    return profiles.save(profiles.slots(["u"])).heads[0]


@pytest.mark.parametrize("version", [1, 2])
def test_a_head_of_another_version_is_refused(version: int) -> None:
    blob = version.to_bytes(8, "little") + head_of_two_detectors()[8:]
    with pytest.raises(Refusal, match="version"):
        Profiles(PLAN).restore("u", blob, [])


@pytest.mark.parametrize("table", [b'["own",2],["other",2]', b'["own",9],["other",1]', b'["own",4],["othe",-1]'])
def test_a_head_whose_detectors_do_not_fit_its_numbers_is_refused(table: bytes) -> None:
    blob = head_of_two_detectors()
    other = blob.replace(b'["own",2],["other",1]', table)
    assert len(other) == len(blob) and other != blob
    with pytest.raises(Refusal, match="lengths"):
        Profiles(PLAN, declared(("other", 2))).restore("u", other, [])


@pytest.mark.parametrize("blob", [b"", b"x" * 7, b"\0" * 64, b"\xff" * 640])
def test_bytes_that_are_no_profile_are_refused(blob: bytes) -> None:
    with pytest.raises(Refusal):
        Profiles(PLAN).restore("u", blob, [])


def test_a_year_of_history_keeps_no_more_pages_than_retention_needs() -> None:
    profiles = Profiles(PLAN, durable=False)
    hours = 24 * 365
    for start in range(0, hours, 500):
        observed(profiles, batch_of([3_600_000 * n for n in range(start, start + 500)], list(range(start, start + 500))))
    used = len(profiles.slab.pages) - profiles.slab.counters[FREE_PAGES] - profiles.slab.counters[DROPPED]
    assert used * PAGE < 24 * 41 + PAGE


def test_sums_of_the_greatest_amounts_are_exact_after_they_leave() -> None:
    profiles = Profiles(plan_of([reading(c, "amount", 10) for c in (Code.SUM, Code.MEAN, Code.STD)]))
    amounts = [1e15, 1e15 - 1, 1.0, 3.0, 5.0]
    out, _, _ = observed(profiles, batch_of([0, 1, 20, 21, 22], amounts=amounts))
    assert out[1].tolist() == [19_999_999_999_999.99, 9_999_999_999_999.995, pytest.approx(np.std([0, 0.01], ddof=1), rel=1e-12)]
    assert out[4].tolist() == [0.09, 0.03, pytest.approx(0.02, rel=1e-12)]


def test_a_small_spread_about_a_great_mean_is_kept() -> None:
    plan = plan_of([reading(Code.STD, "x", 1_000)])
    batch = batch_of(list(range(500)))
    batch.numbers[:, 1] = 1e9 + np.random.default_rng(1).normal(0, 0.1, 500)
    out, _, _ = observed(Profiles(plan), batch)
    centred = batch.numbers[:, 1] - 1e9
    assert out[-1, 0] == pytest.approx(np.std(centred, ddof=1), rel=1e-9)


def test_a_late_event_sees_the_delayed_window_of_its_own_time_though_all_of_it_has_gone_by() -> None:
    plan = plan_of([reading(Code.SUM, "amount", 10, 10), reading(Code.MEAN, "amount", 10, 10)])
    out, flags, _ = observed(Profiles(plan), batch_of([5, 25, 45, 60, 20], amounts=[100.0, 300.0, 700.0, 0.0, 0.0]))
    assert flags[-1] == LATE
    assert out[-1].tolist() == [1.0, 1.0]


def with_sections(widths: Widths, saved: Saved, keys: list[str]) -> Profiles:
    profiles = Profiles(PLAN, declared(*widths))
    for key, head in zip(keys, saved.heads, strict=True):
        profiles.restore(key, head, [])
    return profiles


def test_numbers_of_detectors_that_do_not_run_rest_in_their_profiles_and_count_as_memory() -> None:
    keys = [f"k{n}" for n in range(9)]
    one, two, three = ("one", 2), ("two", 3), ("three", 1)
    begun = Profiles(PLAN, declared(one, two))
    slots = begun.slots(keys)
    begun.sections.words[slots] = np.arange(45).reshape(9, 5)
    begun.sections.words[slots[::3], :2] = 0.0  # a detector that has learned nothing leaves nothing
    wanted = begun.sections.words[slots].copy()
    without = with_sections((three,), begun.save(slots), keys)
    assert without.size_bytes > with_sections((one, two), begun.save(slots), keys).size_bytes + 9 * 500
    without.sections.words[without.slots(keys)] = 7.0
    back = with_sections((two, one, three), without.save(without.slots(keys)), keys)
    assert back.sections.words[back.slots(keys)].tolist() == [[*row[2:], *row[:2], 7.0] for row in wanted.tolist()]
    without.discard(keys[:5])
    without.slots(keys)  # profiles of the same names, in which nothing rests
    empty = with_sections((one, two), without.save(without.slots(keys)), keys)
    assert not empty.sections.words[empty.slots(keys[:5])].any()
    assert (empty.sections.words[empty.slots(keys[5:])] == wanted[5:]).all()


def test_an_output_of_a_code_that_the_kernel_does_not_know_raises_and_reads_as_no_other() -> None:
    plan = plan_of([reading(Code.DISTINCT, "amount", DAY_MS)])
    plan.arrays.outputs[0, 1] = max(Code) + 1
    with pytest.raises(ValueError, match=r"features.kernel.outputs has no answer"):
        observed(Profiles(plan), batch_of([1_000]))


def test_notes_of_retractions_go_with_the_pages_that_their_rows_stood_on_and_are_used_again() -> None:
    profiles = Profiles(PLAN)
    hours = [3_600_000 * n for n in range(24 * 100)]
    most = 0
    for start in range(0, len(hours), 48):
        batch = batch_of(hours[start : start + 48], list(range(start, start + 48)))
        observed(profiles, batch)
        gone = batch.take(np.arange(0, 48, 3))
        gone = replace(gone, ops=np.full(len(gone), RETRACT, np.int8))
        assert set(observed(profiles, gone)[1]) == {RETRACTED}
        most = max(most, len(profiles.slab.notes) - int(profiles.slab.counters[FREE_NOTES]))
    assert 16 * 20 <= most <= 16 * 24  # 40 days of the 100, and what stands on the page before


def test_the_table_of_addresses_is_made_anew_only_when_arrays_have_moved() -> None:
    text = "[{name: d, template: distinct, value: event.x, window: 1d}, {name: r, template: quantile_rank, value: event.x, window: 1d}]"
    state = WindowState(read_features(text, SCHEMA).plans["user"], durable=False)
    state.slab = with_values(state.slab, state.plan, 1)
    table = state.context()
    state.slab = with_values(state.slab, state.plan, 1)
    assert state.context() is table
    state.slab = with_values(state.slab, state.plan, 100_000)
    assert state.context() is not table
