"""The logs of side jobs and commands have a bound, like those of the engine."""

import pathlib

from foundation.settings import Settings
from pipeline.log.frame import Entry
from pipeline.log.log_folder import INBOX, LOGS, SIDE, close_writers, take_over
from pipeline.log.reader import LogReader
from pipeline.log.writer import LogWriter
from pipeline.solo.keeping import Keeping


def filled(folder: pathlib.Path) -> LogWriter:
    writer = LogWriter(folder, "os", segment_bytes=500)
    writer.append([Entry("learners", b"place", b"what was learned")])
    for number in range(20):
        writer.append([Entry("metrics", b"", str(number).encode() * 100)])
    return writer


def test_logs_without_an_engine_keep_what_the_settings_say_and_the_newest_of_each_key(tmp_path: pathlib.Path) -> None:
    settings = Settings(runtime="solo", folder=str(tmp_path), log_bytes_max=2_000)
    folder = settings.path(*LOGS)
    side = filled(folder / SIDE)
    take_over(folder, {SIDE: side}, lambda entries: 0)
    filled(folder / INBOX).close()
    Keeping(settings).step()
    assert sum(segment.size for segment in side.segments.all) <= 2_500
    assert [record.value for record in LogReader(side.segments, ["learners"]).read(10)] == [b"what was learned"]
    again = LogWriter(folder / INBOX, "os", segment_bytes=500)
    assert sum(segment.size for segment in again.segments.all) <= 2_500
    again.close()
    close_writers(folder)


def test_an_inbox_that_a_command_has_open_is_left_alone(tmp_path: pathlib.Path) -> None:
    settings = Settings(runtime="solo", folder=str(tmp_path), log_bytes_max=2_000)
    folder = settings.path(*LOGS)
    open_elsewhere = filled(folder / INBOX)
    before = len(open_elsewhere.segments.all)
    Keeping(settings).step()
    assert len(list((folder / INBOX).glob("*.log"))) == before
    open_elsewhere.close()
    close_writers(folder)
