"""The command `weir replay --follow` decides what was archived again, by what each decision was made by, and says where it differs."""

import pathlib
import sys
from dataclasses import asdict, replace

import msgspec

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.follow.comparison import Followed
from pipeline.follow.follow import Follow
from pipeline.follow.follow_log import FollowLog
from pipeline.follow.recorded_log import RecordedLog, read_log
from pipeline.follow.recorded_run import RecordedRun, read_run
from pipeline.sinks.archive_access import archive_of, reaching
from stores.archive.archive import open_archive
from stores.archive.archive_files import FileArchive

OF_SETTINGS = "archive"
"""Stands for the archive that the settings name."""
DIFFERENCES = "differences.jsonl"
UNKNOWN_NAMED_MAX = 5


def follow_recorded(settings: Settings, decisions: str, out: pathlib.Path | None = None) -> Followed:
    """Follows recorded decisions, prints a report, and writes all differences into the folder `out` unless that is None.

    Args:
        decisions: ``archive``; the folder or the URL of another archive; or a JSON Lines file of decisions, as they stand in their topic,
            of events of the archive that the settings name.

    Raises:
        Refusal: there is no such archive or file, it does not answer, or it holds nothing that can be followed.
    """
    with reaching(settings):
        run = _recorded_in(settings, decisions)
    follow = FollowLog(run) if isinstance(run, RecordedLog) else Follow(run, settings)
    followed = follow.run(_progress if sys.stderr.isatty() else lambda done, total: None)
    print(report(followed))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        lines = [msgspec.json.encode(asdict(each)) for each in followed.differences]
        (out / DIFFERENCES).write_bytes(b"".join(line + b"\n" for line in lines))
    return followed


def report(followed: Followed) -> str:
    """Says how many decisions are the same, and where the first other one differs."""
    lines = [
        f"decisions   {followed.equal + followed.different:,}  the same {followed.equal:,}  others {followed.different:,}",
        f"left out    {followed.degraded:,} degraded",
    ]
    if followed.lacking:
        lines.append(f"lacking     {followed.lacking:,} decisions were recorded and not made again")
    if followed.surplus:
        lines.append(f"surplus     {followed.surplus:,} decisions were made again and not recorded")
    for unknown in followed.unknown[:UNKNOWN_NAMED_MAX]:
        lines.append(f"unknown     {unknown} was not recorded")
    if len(followed.unknown) > UNKNOWN_NAMED_MAX:
        lines.append(f"unknown     {len(followed.unknown) - UNKNOWN_NAMED_MAX:,} more")
    if followed.differences:
        first = followed.differences[0]
        which = f"event {first.event_id} of {first.user}, revision {first.revision}"
        lines.append(f"first       {which}: {first.field} was {first.served!r}, and is {first.again!r} now")
    return "\n".join(lines)


def _recorded_in(settings: Settings, decisions: str) -> RecordedRun | RecordedLog:
    if decisions == OF_SETTINGS:
        return _read(archive_of(settings))
    path = pathlib.Path(decisions)
    if path.is_file():
        return replace(_read(archive_of(settings)), decisions=path.read_bytes().splitlines())
    return _read(_archive_at(decisions))


def _read(archive: FileArchive) -> RecordedRun | RecordedLog:
    return read_log(archive) if archive.is_one_log() else read_run(archive)


def _archive_at(place: str) -> FileArchive:
    if "://" in place:
        return open_archive(place)
    path = pathlib.Path(place)
    if not path.is_dir():
        expected = f"{OF_SETTINGS!r}, a JSON Lines file of decisions, or the folder or URL of an archive"
        raise Refusal("no such decisions", where="--follow", expected=expected, got=place)
    return open_archive(path.resolve().as_uri())


def _progress(done: int, total: int) -> None:
    end = "\n" if done == total else ""
    print(f"\r{done:,} of {total:,} events ({done / max(total, 1):.0%})", end=end, file=sys.stderr, flush=True)
