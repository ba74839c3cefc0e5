"""What `weir archive` does: say what there is, and make few files of many."""

import time
from collections.abc import Callable

from pipeline.archive_access import archive_of, reached
from pipeline.settings import Settings
from stores.archive_encoding import DAY_MS, KINDS, day_start_ms

ENDED_MS = 3_600_000
"""How long after its end a day counts as closed; what still comes is merged the next time."""


def list_archive(settings: Settings) -> str:
    """A line a kind and day, and where the archive is.

    Raises:
        Refusal: the archive does not answer.
    """
    archive = archive_of(settings)
    with reached(settings):
        days = [day for kind in KINDS for day in archive.days(kind)]
    lines = [f"{day.kind:<10} {day.day}  {day.files:>6,} files  {day.rows:>12,} rows  {day.bytes:>15,} bytes" for day in days]
    return "\n".join([f"archive     {settings.archive_place()}", *(lines or ["empty"])])


def compact_archive(settings: Settings, say: Callable[[str], None], now_ms: float | None = None) -> int:
    """Compacts each day that ended `ENDED_MS` ago or earlier and has several files, and gives how many had.

    Raises:
        Refusal: the archive does not answer.
    """
    archive, done = archive_of(settings), 0
    closed_ms = (time.time() * 1_000 if now_ms is None else now_ms) - ENDED_MS - DAY_MS
    with reached(settings):
        for kind in KINDS:
            for day in archive.days(kind):
                if day_start_ms(day.day) <= closed_ms and archive.compact(kind, day.day):
                    done += 1
                    say(f"{kind} {day.day}: {day.files:,} files, {day.bytes:,} bytes, are one now")
    say(f"{done:,} days compacted")
    return done
