"""The logs of a system without a broker: which topics stand in which, and who writes them.

Each log has one writer. The process of the API writes `INPUT`, in which everything stands that the engine takes in, in the order in which
it does, and `OUTPUT`, in which its decisions stand. The process of the side jobs writes `SIDE`. Commands that send something to a running
system write `INBOX`. What the engine is to take in of the last two is copied into `INPUT`.
"""

import pathlib
import threading
from collections.abc import Callable, Mapping, Sequence

from foundation.refusal import Refusal
from pipeline.log.frame import Entry
from pipeline.log.log_watch import LogWatch
from pipeline.log.segments import Segments
from pipeline.log.writer import LogWriter

LOGS = ("solo", "log")
"""The folder of the logs, below that of the system."""
INPUT, OUTPUT, SIDE, INBOX = "input", "output", "side", "inbox"
LOG_FOLDER = "weir.log.folder"
"""The option of a connection that names the folder of the logs; a connection to a broker has no such option."""
TOPIC_PREFIX = "weir.topic.prefix"
TAKEN_IN = ("models", "labels-resolved")
"""The topics of `SIDE` that the engine takes in."""
COMPACTED = ("control", "models", "learners", "entries", "facts", "roll-up")
LOGS_OF = {
    "events": (INPUT,),
    "labels": (INPUT,),
    "control": (INPUT,),
    "entries": (INPUT,),
    "facts": (INPUT,),
    "decisions": (OUTPUT,),
    "late": (OUTPUT,),
    "dead-letters": (OUTPUT, SIDE),
    "labels-resolved": (SIDE,),
    "models": (SIDE,),
    "learners": (SIDE,),
    "metrics": (SIDE,),
    "roll-up": (SIDE,),
    "alerts": (OUTPUT, SIDE),
    "replies": (),
}
"""The logs that each topic stands in; each counts as a partition of the topic, in this order. Replies stand in none."""

Append = Callable[[Sequence[Entry]], int]
_engines: dict[pathlib.Path, Append] = {}
_writers: dict[pathlib.Path, LogWriter] = {}
_segments: dict[pathlib.Path, Segments] = {}
_one = threading.Lock()
LOG_WATCH = LogWatch()
"""Sees what other processes write, for all that reads logs in this one."""


def writer_of(folder: pathlib.Path, name: str) -> LogWriter:
    """The writer of the log `name` of `folder`, which all of this process share; it is opened where it is not open yet.

    Raises:
        Refusal: another process writes to this log, or the log is damaged.
    """
    path = folder / name
    with _one:
        if path not in _writers:
            _writers[path] = LogWriter(path)
        return _writers[path]


def append_to_input(folder: pathlib.Path, entries: Sequence[Entry]) -> int:
    """Appends to `INPUT`, in the process of the engine through the engine; while another process runs the system, to its `INBOX`.

    Gives the ordinal of the first record.

    Raises:
        OSError: the disk takes nothing now.
        Refusal: the log is damaged, or another command writes to the inbox.
    """
    if folder in _engines:
        return _engines[folder](entries)
    try:
        return writer_of(folder, INPUT).append(entries)
    except Refusal as refusal:
        if refusal.what != "log in use":
            raise
    return writer_of(folder, INBOX).append(entries)


def take_over(folder: pathlib.Path, writers: Mapping[str, LogWriter], append: Append) -> None:
    """Makes `writers`, by the names of their logs, those of this process, and has `append` append to `INPUT`."""
    with _one:
        _writers.update({folder / name: writer for name, writer in writers.items()})
        _engines[folder] = append


def close_writers(folder: pathlib.Path) -> None:
    """Closes all logs below `folder` that this process has open."""
    with _one:
        _engines.pop(folder, None)
        for path in [path for path in _writers if path.parent == folder]:
            _writers.pop(path).close()
        for path in [path for path in _segments if path.parent == folder]:
            _segments.pop(path).close()


def close_writer(folder: pathlib.Path, name: str) -> None:
    """Closes the writer of the log `name` where this process has it open."""
    with _one:
        if (writer := _writers.pop(folder / name, None)) is not None:
            writer.close()


def segments_of(folder: pathlib.Path, name: str) -> Segments:
    """What this process knows of the log `name`; shared by all its readers."""
    path = folder / name
    with _one:
        if path in _writers:
            return _writers[path].segments
        if path not in _segments:
            _segments[path] = Segments(path)
        found = _segments[path]
    found.refresh()
    return found
