"""The command `weir archive` lists the days of the archive and merges the files of each day into one."""

import time
from collections.abc import Callable

from foundation.settings import Settings
from pipeline.sinks.archive_access import archive_of, reaching
from stores.archive.archive_compaction import compact
from stores.archive.archive_encoding import day_of
from stores.archive.archive_rows import DAY_MS, KINDS, MERGED

CLOSED_MS = 3_600_000
"""A day is compacted from this long after its end on; files that come later are merged by the next run."""


def list_archive(settings: Settings) -> str:
    """Gives the place of the archive, and one line for each kind of record and day.

    Raises:
        Refusal: the archive does not answer.
    """
    archive = archive_of(settings)
    with reaching(settings):
        days = [day for kind in KINDS for day in archive.days(kind)]
    lines = [f"{day.kind:<15} {day.day}  {day.files:>6,} files  {day.rows:>12,} rows  {day.bytes:>15,} bytes" for day in days]
    return "\n".join([f"archive         {settings.archive_place()}", *(lines or ["empty"])])


def compact_archive(settings: Settings, say: Callable[[str], None], now_ms: float) -> int:
    """Compacts each day of `MERGED` that ended at least `CLOSED_MS` before `now_ms`, and returns how many days had several files.

    Args:
        say: gets one line for each compacted day, and one with their number.
        now_ms: current time, in ms since the epoch.

    Raises:
        Refusal: the archive does not answer.
    """
    archive, done = archive_of(settings), 0
    last = day_of(int(now_ms) - CLOSED_MS - DAY_MS)
    with reaching(settings):
        for kind in MERGED:
            for name in archive.day_names(kind):
                began = time.monotonic()
                if name <= last and (day := compact(archive, kind, name)):
                    done += 1
                    say(f"{kind} {name}: {day.rows:,} rows in one file of {day.bytes:,} bytes ({time.monotonic() - began:.1f} s)")
    say(f"{done:,} days compacted")
    return done
