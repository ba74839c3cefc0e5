"""The hourly compaction of the archive, as real processes on a folder."""

import os
import pathlib
import time

import pytest

from deploy.local.compaction import EVERY_SECONDS, Compaction
from stores.archive.archive import open_archive
from stores.archive.archive_encoding import day_of, encode_records, folder_of
from stores.archive.archive_rows import ArchivedRecord

pytestmark = pytest.mark.slow

START_MS = 1_700_006_400_000


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def archive_files(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted((root / folder_of("events", day_of(START_MS))).glob("*.parquet"))


def fill(root: pathlib.Path) -> None:
    folder = root / folder_of("events", day_of(START_MS))
    folder.mkdir(parents=True)
    for offset in range(3):
        (folder / f"part-{offset}.parquet").write_bytes(encode_records([ArchivedRecord(0, offset, START_MS, b"", b"{}")]))


def ended(compaction: Compaction, environment: dict[str, str]) -> None:
    deadline = time.monotonic() + 60
    while compaction._run is not None:
        assert time.monotonic() < deadline
        compaction.check(environment)
        time.sleep(0.05)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_closed_days_are_compacted_once_an_hour(tmp_path: pathlib.Path, clock: Clock) -> None:
    root = tmp_path / "archive"
    fill(root)
    said: list[str] = []
    compaction = Compaction(tmp_path / "logs", said.append, clock)
    environment = os.environ | {"WEIR_ARCHIVE_URL": root.as_uri()}
    compaction.check(environment)
    assert compaction._run is None
    clock.now += EVERY_SECONDS
    compaction.check(environment)
    assert compaction._run is not None
    ended(compaction, environment)
    assert len(archive_files(root)) == 1
    assert sum(len(table) for table in open_archive(root.as_uri()).read("events")) == 3
    assert said == []
    compaction.check(environment)
    assert compaction._run is None


def test_a_run_that_fails_is_told_and_tried_again_an_hour_later(tmp_path: pathlib.Path, clock: Clock) -> None:
    said: list[str] = []
    compaction = Compaction(tmp_path / "logs", said.append, clock)
    environment = os.environ | {"WEIR_ARCHIVE_URL": "ftp://nowhere"}
    for times in (1, 2):
        clock.now += EVERY_SECONDS
        compaction.check(environment)
        ended(compaction, environment)
        assert len(said) == times
    assert "bad archive" in (tmp_path / "logs" / "compaction.log").read_text()


def test_a_run_under_way_is_ended_with_the_stack(tmp_path: pathlib.Path, clock: Clock) -> None:
    compaction = Compaction(tmp_path / "logs", print, clock)
    clock.now += EVERY_SECONDS
    compaction.check(dict(os.environ) | {"WEIR_ARCHIVE_URL": tmp_path.as_uri()})
    run = compaction._run
    assert run is not None
    compaction.stop()
    assert not run.running()
