"""Clocks as the zone database has them, around each change since 1970: features of the calendar, expressions and windows alike."""

import zoneinfo
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray
from zone_records import changes_of

from features.definitions.aggregate import Code, Reading
from features.definitions.calendar import Calendar
from features.definitions.window import CALENDAR, CALENDAR_UNITS, Window
from features.definitions.zone_table import LONGEST_MS, unit_changes, zone_changes
from features.expressions.functions.zones import Zone
from features.plan.plan_compiler import compile_plan
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.schema import read_schema

SCHEMA = read_schema("id: {field: id, type: integer}\ntime: {field: at}\nuser: key\nretention: 400d\nttl: 500d\nmin_time: 1970-01-01")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ODD = [
    "Africa/Casablanca",
    "Africa/Monrovia",
    "America/Goose_Bay",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Antarctica/Vostok",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Australia/Lord_Howe",
    "Europe/Paris",
    "Pacific/Apia",
    "Pacific/Kwajalein",
]
"""Zones whose clocks were changed at odd minutes or seconds, by half an hour, several hours or a day, or four times a year."""
AROUND_MS = (-86_400_000, -3_600_000, -899_000, -60_000, -1_000, -1, 0, 1, 999, 1_000, 59_999, 60_000, 839_000, 3_600_000, 86_400_000)


def times_around_changes(zone: str) -> NDArray[np.int64]:
    times = np.add.outer(np.array(changes_of(zone), np.int64) * 1_000, np.array(AROUND_MS, np.int64)).ravel()
    return np.unique(times[times >= 0])


def local_of(zone: str, times_ms: NDArray[np.int64]) -> list[datetime]:
    info = zoneinfo.ZoneInfo(zone)
    return [(EPOCH + timedelta(milliseconds=time_ms)).astimezone(info) for time_ms in times_ms.tolist()]


@pytest.mark.slow
@pytest.mark.parametrize("letter", "ABCEFGHIJKLMNPRSTUWZ")
def test_expressions_show_what_the_clocks_of_every_zone_do_around_each_change(letter: str) -> None:
    for zone in sorted(name for name in zoneinfo.available_timezones() if name[0] == letter):
        times_ms = times_around_changes(zone)
        local_us = Zone(zone).local_us(times_ms * 1_000)
        wanted = [(local.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1) for local in local_of(zone, times_ms)]
        assert (local_us // 1_000).tolist() == wanted, zone


def test_the_letters_are_those_of_all_zones() -> None:
    assert {name[0] for name in zoneinfo.available_timezones()} - {"l"} <= set("ABCEFGHIJKLMNPRSTUWZ")


@pytest.mark.parametrize("zone", ODD)
def test_calendar_features_are_those_of_the_zone_around_each_change(zone: str) -> None:
    times_ms = times_around_changes(zone)
    local = local_of(zone, times_ms)
    for part, wanted in {
        "hour": [time.hour for time in local],
        "weekday": [time.weekday() for time in local],
        "day": [time.day for time in local],
        "month": [time.month for time in local],
    }.items():
        assert Calendar(part, zone=zone).values(times_ms).tolist() == wanted, part


@pytest.mark.parametrize("zone", ODD)
def test_the_table_that_windows_read_has_each_change_of_the_zone(zone: str) -> None:
    starts, shifts = zone_changes(zone)
    times_ms = times_around_changes(zone)
    found = shifts[np.searchsorted(starts, times_ms, side="right") - 1]
    assert found.tolist() == [(local.utcoffset() or timedelta()) // timedelta(milliseconds=1) for local in local_of(zone, times_ms)]


@pytest.mark.parametrize("zone", ODD)
def test_calendar_windows_hold_the_rows_of_a_unit_which_begins_when_clocks_reach_it_for_the_last_time(zone: str) -> None:
    plan = compile_plan(
        "key", False, [Reading(Code.COUNT, "", Window(CALENDAR, unit=unit, zone=zone)) for unit in CALENDAR_UNITS], [], SCHEMA
    )
    changes = [change for change in changes_of(zone) if change < 2_000_000_000]
    for number, change in enumerate(changes):
        times_ms = change * 1_000 + np.array([*AROUND_MS, *(minute * 60_000 for minute in range(-190, 191, 19))], np.int64)
        times_ms = np.unique(times_ms[times_ms >= 0])
        ids = np.arange(len(times_ms))
        profiles, out = Profiles(plan, durable=False), np.empty((len(times_ms), plan.width))
        batch = Batch([""] * len(ids), ids, ids, times_ms, ["key"] * len(ids), {}, np.empty((len(ids), 0)), ids)
        profiles.observe(np.repeat(profiles.slots(["key"]), len(ids)), batch, batch.numbers, out)
        later = [later for later in changes[number : number + 3] if later < change + 86_400]
        units = lasting_units(zone, times_ms, np.array(later, np.int64) * 1_000)
        wanted = [[(units[: row + 1, unit] == units[row, unit]).sum() for unit in range(5)] for row in range(len(ids))]
        assert out.tolist() == wanted, datetime.fromtimestamp(change, UTC)


def lasting_units(zone: str, times_ms: NDArray[np.int64], changes_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """[n, 5] of each time the numbers of its hour, day, week, month and year, or the least ones after a later change."""

    def numbers(moments_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = []
        for local in local_of(zone, moments_ms):
            days = (local.date() - EPOCH.date()).days
            rows.append((days * 24 + local.hour, days, (days + 3) // 7, local.year * 12 + local.month, local.year))
        return np.array(rows, np.int64).reshape(-1, 5)

    found, after = numbers(times_ms), numbers(changes_ms)
    for change_ms, least in zip(changes_ms.tolist(), after, strict=True):
        found[times_ms < change_ms] = np.minimum(found[times_ms < change_ms], least)
    return found


@pytest.mark.parametrize("unit", range(5))
@pytest.mark.parametrize("zone", ODD)
def test_the_changes_that_a_window_reads_are_in_order(zone: str, unit: int) -> None:
    starts, shifts = unit_changes(zone, unit)
    assert (np.diff(starts) > 0).all()
    assert len(starts) == len(shifts)


def test_no_zone_sets_its_clocks_back_by_more_than_the_longest_units_allow_for() -> None:
    back_ms = []
    for zone in sorted(zoneinfo.available_timezones()):
        edges = [second for change in changes_of(zone) for second in (change - 1, change)]
        shifts = [local.utcoffset() or timedelta() for local in local_of(zone, np.array(edges, np.int64) * 1_000)]
        back_ms += [(before - after) // timedelta(milliseconds=1) for before, after in zip(shifts[::2], shifts[1::2], strict=True)]
    assert 3_600_000 + max(back_ms) <= LONGEST_MS[0]
