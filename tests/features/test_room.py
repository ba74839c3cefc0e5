"""That arrays have room for the next events is said only where making room would leave them as they are."""

import pytest

from features.kernel.room import has_room
from features.layout.layout import FREE_NOTES, FREE_PAGES, LINES_LACKED, NEEDED, SEALED
from features.profiles.profiles import Profiles
from features.profiles.slab import empty_slab, entries_of, with_lines, with_room, with_slots, with_values
from features.schema.schema import read_schema
from features.sets.feature_set import read_features

SCHEMA = read_schema("{id: {field: id, type: integer}, time: {field: ts}, user: who, fields: {device: {type: string}}}")
PLAN = read_features("- {name: devices, template: distinct, value: event.device, window: 1h}", SCHEMA).plans["who"]
EVENTS = 3


def slab_after(counter: int | None, value: int, values_used: int = 0):
    profiles = Profiles(PLAN)
    profiles._windows.slab = with_values(with_room(profiles.slab, EVENTS, EVENTS), PLAN, EVENTS)
    if counter is not None:
        profiles.slab.counters[counter] = value
    profiles.slab.counts.used[0] = values_used
    has = has_room(profiles._windows.context(), EVENTS, EVENTS, entries_of(PLAN, EVENTS))
    made = with_values(with_lines(with_room(profiles.slab, EVENTS, EVENTS)), PLAN, EVENTS)
    return bool(has), made is profiles.slab


@pytest.mark.parametrize(
    ("counter", "value"), [(FREE_PAGES, EVENTS - 1), (FREE_NOTES, EVENTS - 1), (SEALED, 1_000_000), (LINES_LACKED, 4), (NEEDED, 5_000)]
)
def test_what_lacks_room_is_found(counter: int, value: int) -> None:
    assert slab_after(counter, value) == (False, False)


@pytest.mark.parametrize("more", [0, 1])
def test_a_table_of_values_has_room_up_to_its_bound(more: int) -> None:
    bound = int(1_024 * 0.6) - entries_of(PLAN, EVENTS)
    assert slab_after(None, 0, bound + more) == (not more, not more)


def test_nothing_is_made_where_all_have_room() -> None:
    assert slab_after(None, 0) == (True, True)


@pytest.mark.parametrize(("have", "made"), [(64, 128), (1_024, 2_048), (80_000, 90_000)])
def test_of_many_slots_only_an_eighth_more_is_made_at_a_time(have: int, made: int) -> None:
    assert len(with_slots(empty_slab(PLAN, have), PLAN, have + 1).heads) == made


def test_as_many_slots_are_made_as_are_asked_for() -> None:
    assert len(with_slots(empty_slab(PLAN), PLAN, 70_000).heads) == 70_000
