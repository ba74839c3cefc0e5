"""What `weir archive` does: says what there is, and makes few files of many."""

import time
from collections.abc import Callable

from foundation.settings import Settings
from pipeline.sinks.archive_access import archive_of, reaching
from stores.archive.archive_compaction import compact
from stores.archive.archive_encoding import day_of
from stores.archive.archive_rows import DAY_MS, KINDS

CLOSED_MS = 3_600_000
"""After its end a day counts as closed; what still comes is merged the next time."""


def list_archive(settings: Settings) -> str:
    """Where the archive is, and a line a kind and day.

    Raises:
        Refusal: it does not answer.
    """
    archive = archive_of(settings)
    with reaching(settings):
        days = [day for kind in KINDS for day in archive.days(kind)]
    lines = [f"{day.kind:<10} {day.day}  {day.files:>6,} files  {day.rows:>12,} rows  {day.bytes:>15,} bytes" for day in days]
    return "\n".join([f"archive    {settings.archive_place()}", *(lines or ["empty"])])


def compact_archive(settings: Settings, say: Callable[[str], None], now_ms: float) -> int:
    """Compacts each day that ended `CLOSED_MS` before `now_ms` or earlier, and gives how many had several files.

    Raises:
        Refusal: the archive does not answer.
    """
    archive, done = archive_of(settings), 0
    last = day_of(int(now_ms) - CLOSED_MS - DAY_MS)
    with reaching(settings):
        for kind in KINDS:
            for name in archive.day_names(kind):
                began = time.monotonic()
                if name <= last and (day := compact(archive, kind, name)):
                    done += 1
                    say(f"{kind} {name}: {day.rows:,} rows in one file of {day.bytes:,} bytes ({time.monotonic() - began:.1f} s)")
    say(f"{done:,} days compacted")
    return done
