"""Clocks as the zone database has them, around each change since 1970: features of the calendar, expressions and windows alike."""

import zoneinfo
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray
from zone_records import changes_of

from features.calendar import Calendar
from features.expressions.zones import Zone
from features.zone_table import LONGEST_MS, zone_changes

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


def test_no_zone_sets_its_clocks_back_by_more_than_the_longest_units_allow_for() -> None:
    back_ms = []
    for zone in sorted(zoneinfo.available_timezones()):
        edges = [second for change in changes_of(zone) for second in (change - 1, change)]
        shifts = [local.utcoffset() or timedelta() for local in local_of(zone, np.array(edges, np.int64) * 1_000)]
        back_ms += [(before - after) // timedelta(milliseconds=1) for before, after in zip(shifts[::2], shifts[1::2], strict=True)]
    assert 3_600_000 + max(back_ms) <= LONGEST_MS[0]
