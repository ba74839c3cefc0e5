"""An engine that has nothing to do sleeps until somebody sends something, or another process has written what it takes in."""

import functools
import pathlib
import threading
import time

from foundation.settings import Settings
from pipeline.log.frame import Entry
from pipeline.log.log_folder import INPUT, SIDE, TAKEN_IN
from pipeline.log.reader import LogReader
from pipeline.log.segments import Segments
from pipeline.log.writer import LogWriter
from pipeline.solo import arrivals as arrivals_module
from pipeline.solo.arrivals import Arrivals
from pipeline.solo.disk_problem import DiskProblem
from pipeline.solo.intake import Intake
from pipeline.solo.pace import Pace

LONG_SECONDS = 30.0


def test_what_another_process_has_written_ends_the_sleep_and_is_copied(tmp_path: pathlib.Path, monkeypatch) -> None:
    monkeypatch.setattr(Pace, "idle_seconds", LONG_SECONDS)
    monkeypatch.setattr(arrivals_module, "IDLE_SECONDS_MAX", LONG_SECONDS)
    written, side = LogWriter(tmp_path / INPUT, "os"), LogWriter(tmp_path / SIDE, "os")
    arrivals = Arrivals(Intake(), written, {}, DiskProblem(tmp_path), Settings(), time.time)
    arrivals.follow({SIDE: LogReader(Segments(tmp_path / SIDE), TAKEN_IN)})
    began = time.monotonic()
    writing = threading.Timer(0.1, functools.partial(side.append, [Entry("metrics", b"a", b"no"), Entry("models", b"a", b"yes")]))
    writing.start()
    found: list[bytes | None] = []
    while not found and time.monotonic() - began < LONG_SECONDS:
        assert arrivals.appended() == []
        found += [record.value for records in arrivals.copied() for record in records]
    assert (found, time.monotonic() - began < LONG_SECONDS / 2) == ([b"yes"], True)
    writing.join()
    arrivals.close()
    for log in (written, side):
        log.close()
