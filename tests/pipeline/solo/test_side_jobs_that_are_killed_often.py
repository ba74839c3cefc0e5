"""Side jobs get ahead even if none of their lives lasts as long as the time between two of their commits."""

import pathlib
import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest

from foundation.settings import Settings
from pipeline.control.job_program import Job
from pipeline.log.frame import Entry
from pipeline.log.log_folder import INPUT, LOGS, OUTPUT, SIDE, close_writers, segments_of, writer_of
from pipeline.log.reader import LogReader
from pipeline.solo.archive_job import SoloArchiveJob
from pipeline.solo.metrics_job import SoloMetricsJob
from stores.archive.archive import open_archive

HOUR_MS = 3_600_000


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> Iterator[Settings]:
    """Of jobs whose lives are shorter than their intervals."""
    made = Settings(runtime="solo", folder=str(tmp_path), archive_interval_ms=HOUR_MS, metrics_interval_ms=HOUR_MS)
    yield made
    close_writers(made.path(*LOGS))


def lives(job: Job, is_ahead: Callable[[], bool]) -> None:
    """Runs a job until something is true."""
    thread = threading.Thread(target=job.run)
    thread.start()
    until = time.monotonic() + 60
    while not is_ahead() and time.monotonic() < until:
        time.sleep(0.02)
    job.stop()
    thread.join()
    assert is_ahead()


def test_each_life_of_the_archive_job_archives_something(settings: Settings) -> None:
    for life in (1, 2, 3):
        writer_of(settings.path(*LOGS), INPUT).append([Entry("events", b"u", b'{"id": 1}')] * 10)

        def archived() -> int:
            return sum(table.num_rows for table in open_archive(settings.archive_place()).read("events", columns=("offset",)))

        lives(SoloArchiveJob(settings), lambda life=life: archived() == 10 * life)  # type: ignore[misc]


def test_each_life_of_the_metrics_job_counts_something(settings: Settings) -> None:
    def counted() -> int:
        segments = segments_of(settings.path(*LOGS), SIDE)
        values = [msgspec.json.decode(record.value or b"") for record in LogReader(segments, ("metrics",)).read(1_000)]
        return sum(value["count"] for value in values if value["metric"] == "decisions")

    for life in (1, 2, 3):
        ids = [f"{life} {number}" for number in range(10)]
        writer_of(settings.path(*LOGS), OUTPUT).append([Entry("decisions", b"u", decision(id)) for id in ids])
        lives(SoloMetricsJob(settings), lambda life=life: counted() == 10 * life)  # type: ignore[misc]


def decision(id: str) -> bytes:
    value = {"event_id": id, "revision": 0, "event_time": 1_700_000_000_000, "user": "u", "score": 0.5, "action": "review", "release": 1}
    return msgspec.json.encode(value | {"rules": [], "flags": [], "entities": {}, "latency_ms": 1.0, "processed_at": 1_700_000_000_000})
