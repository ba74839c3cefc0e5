"""The archive job into S3-compatible storage: each record once, though Flink is killed, or the storage is held up or killed."""

import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Iterator

import pytest
from archive_runs import ALL, LABELS, Run, events, first_of_each, kept, kept_decisions, killed_in_mid_stream, rows, sent
from delivery_runs import submitted
from flink_servers import FlinkServers
from s3_storage import CREDENTIALS, S3Storage
from score_job_runs import cancel, prepared, produce, wait_for

from deploy.doctor.archive_checks import archive_problem
from deploy.servers.flink_files import needed_for
from foundation.settings import Settings
from stores.archive.archive import open_archive
from stores.archive.archive_rows import Kind

AWAY_SECONDS = 12
"""Longer than Flink waits for one answer, so that calls fail."""


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Storage]:
    """One that tests may stop, named by the environment."""
    storage = S3Storage(tmp_path_factory.mktemp("s3"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in storage.environment.items():
            patch.setenv(name, value)
        yield storage
    storage.process.kill()


@pytest.fixture(scope="module")
def flink_on_s3(storage: S3Storage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkServers]:
    servers = FlinkServers(tmp_path_factory.mktemp("flink-on-s3"), needed_for(storage.url))
    with servers.processes:
        servers.scale(1)
        yield servers


@pytest.fixture(scope="module")
def run(broker: str, flink_on_s3: FlinkServers, storage: S3Storage, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("archive")
    settings = prepared(broker, flink_on_s3, folder, "s3.", archive_interval_ms=1_000, archive_url=f"{storage.url}/weir/archive")
    return killed_in_mid_stream(flink_on_s3, settings)


@pytest.mark.parametrize("kind", ["events", "labels"])
def test_events_and_labels_are_there_byte_for_byte_each_once(run: Run, kind: Kind) -> None:
    assert kept(run.archive, kind) == sent(run.settings, kind)
    assert rows(run.archive, kind) == {"events": ALL, "labels": LABELS}[kind]


def test_the_first_decision_of_each_event_is_there_once(run: Run) -> None:
    found, first = kept_decisions(run.archive), first_of_each(run.decisions)
    assert len(found) == len(first) == rows(run.archive, "decisions") == ALL
    assert {each["event_id"]: each for each in found} == first


def test_credentials_stay_in_the_environment(run: Run, flink_on_s3: FlinkServers) -> None:
    secret = CREDENTIALS["AWS_SECRET_ACCESS_KEY"].encode()
    folders = flink_on_s3.cluster.folder, run.settings.path()
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if secret in path.read_bytes()] == []
    for process in flink_on_s3.processes.all:
        assert secret not in pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()


@contextlib.contextmanager
def held_up(storage: S3Storage) -> Iterator[None]:
    os.killpg(storage.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(storage.process.pid, signal.SIGCONT)


@contextlib.contextmanager
def killed(storage: S3Storage) -> Iterator[None]:
    storage.process.kill()
    try:
        yield
    finally:
        storage.start()


@pytest.mark.long
@pytest.mark.parametrize("outage", [held_up, killed])
def test_what_came_while_the_storage_was_away_is_there_once_when_it_is_back(
    broker: str, flink_on_s3: FlinkServers, storage: S3Storage, tmp_path: pathlib.Path, outage
) -> None:
    flink_on_s3.scale(1)
    name = outage.__name__
    url = f"{storage.url}/{name}"
    settings = prepared(broker, flink_on_s3, tmp_path, f"{name}.", archive_interval_ms=1_000, archive_url=url)
    archive = open_archive(url)
    produce(settings, "events", events(0, 3_000))
    job = submitted(flink_on_s3, settings, "archive")
    wait_for(lambda: rows(archive, "events") > 0, 60, "no file before the outage")
    with outage(storage):
        for first in range(3_000, 9_000, 500):
            produce(settings, "events", events(first, first + 500))
            time.sleep(AWAY_SECONDS / 12)
    wait_for(lambda: rows(archive, "events") >= 9_000, 60, "events that are not in the archive")
    cancel(flink_on_s3, job)
    assert kept(archive, "events") == sent(settings, "events")
    assert rows(archive, "events") == 9_000


@pytest.mark.parametrize("outage", [held_up, pytest.param(killed, marks=pytest.mark.long)])
def test_doctor_tells_of_a_storage_that_is_away(broker: str, storage: S3Storage, outage) -> None:
    settings = Settings(api_port=int(broker.rpartition(":")[2]), archive_url=f"{storage.url}/doctor")
    assert archive_problem(settings) == ""
    with outage(storage):
        told = archive_problem(settings)
    assert f"{storage.url}/doctor does not answer" in told
    assert "AWS_ENDPOINT_URL" in told
