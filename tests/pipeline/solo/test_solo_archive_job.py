"""The archive job of a solo system: each record stands in one file, whenever the job was killed."""

import pathlib
import threading
import time
from collections.abc import Callable

import msgspec
import pyarrow.parquet
import pytest

from foundation.settings import Settings
from pipeline.log.frame import Entry
from pipeline.log.log_consumer import LogConsumer
from pipeline.log.log_folder import INPUT, LOGS, close_writers, writer_of
from pipeline.solo.archive_job import SoloArchiveJob


class KilledError(Exception):
    """Stands for a kill of the process."""


@pytest.fixture
def settings(tmp_path: pathlib.Path):
    chosen = Settings(runtime="solo", folder=str(tmp_path), archive_interval_ms=50)
    yield chosen
    close_writers(chosen.path(*LOGS))


def append(settings: Settings, topic: str, ids: range) -> None:
    entries = [Entry(topic, b"u", msgspec.json.encode({"id": id})) for id in ids]
    writer_of(settings.path(*LOGS), INPUT).append(entries)


def rows(settings: Settings, kind: str) -> list[int]:
    """The ids in all files that readers look at, repeats included."""
    files = [file for file in settings.path("archive").rglob(f"{kind}/*/*.parquet") if not file.name.startswith(".")]
    tables = [pyarrow.parquet.read_table(file) for file in files]
    return sorted(msgspec.json.decode(value)["id"] for table in tables for value in table["value"].to_pylist())


def run_until(settings: Settings, condition: Callable[[], bool]) -> None:
    job = SoloArchiveJob(settings)
    thread = threading.Thread(target=job.run)
    thread.start()
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    job.stop()
    thread.join()
    assert condition()


def killed_at(settings: Settings, place: object, name: str, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    """Runs the job until it calls the method `name` of `place`, before or after which it is killed."""
    whole = getattr(place, name)

    def end(*arguments: object, **named: object) -> None:
        if after:
            whole(*arguments, **named)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(place, name, end)
        with pytest.raises(KilledError):
            SoloArchiveJob(settings).run()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("place", "name"),
    [
        (SoloArchiveJob, "_write_hidden"),
        (SoloArchiveJob, "_write_note"),
        (LogConsumer, "commit"),
        (pathlib.Path, "unlink"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_kill_at_any_step_leaves_each_record_in_one_file(
    settings: Settings, place: object, name: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(settings, "events", range(10))
    killed_at(settings, place, name, monkeypatch, after)
    append(settings, "labels", range(5))
    append(settings, "events", range(10, 20))
    run_until(settings, lambda: rows(settings, "events") == list(range(20)) and rows(settings, "labels") == list(range(5)))


def test_records_of_other_kinds_that_come_after_a_kill_do_not_double_what_was_written_before_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(settings, "labels", range(5))
    append(settings, "events", range(10))
    killed_at(settings, LogConsumer, "commit", monkeypatch, after=False)
    append(settings, "events", range(10, 3_000))
    run_until(settings, lambda: len(rows(settings, "events")) >= 3_000)
    assert rows(settings, "events") == list(range(3_000))
    assert rows(settings, "labels") == list(range(5))
