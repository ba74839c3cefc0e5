"""The client's calls about jobs against the real application on a real socket; the test plays the worker's part."""

import hashlib
import pathlib
import socket
import threading
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from api_imitation import TOKEN, Api
from served import served

from api.client.client import Client
from api.jobs import result_route
from api.jobs.job_shapes import JobProgress as ShownProgress
from foundation.refusal import Refusal
from pipeline.jobs.result_folder import results_of
from stores.jobs import JobOutcome, JobProgress, ResultFile, StoredJob

CONTENT = bytes(range(256)) * 20_000
DAY_MS = 86_400_000


class Office(NamedTuple):
    """The application and a client of it."""

    api: Api
    client: Client
    port: int

    def take(self) -> StoredJob:
        job = self.api.jobs.take("w1", ("export",), self.api.now_ms, self.api.now_ms + 60_000)
        assert job is not None
        return job

    def finish(self, content: bytes | None = CONTENT) -> StoredJob:
        job, file = self.take(), None
        if content is not None:
            (results_of(self.api.settings).make(job) / "training.parquet").write_bytes(content)
            file = ResultFile("training.parquet", len(content), hashlib.sha256(content).hexdigest())
        outcome = JobOutcome("done", '{"rows":7}', file)
        assert self.api.jobs.finish(job.id, job.attempt, outcome, self.api.now_ms, self.api.now_ms + DAY_MS)
        return job


@pytest.fixture
def office(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(result_route, "PAUSE_SECONDS", 0.0)
    api = Api(tmp_path)
    with served(api) as port, Client(f"http://127.0.0.1:{port}", TOKEN) as client:
        yield Office(api, client, port)
    api.decisions.close()
    api.database.close()


def test_a_job_is_started_listed_and_cancelled(office: Office) -> None:
    jobs = office.client.jobs
    job = jobs.export("2026-11-23T00:00:00Z", key="k")
    assert jobs.export("2026-11-23T00:00:00Z", key="k").id == job.id
    other = jobs.export()
    assert {each.id for each in jobs.page().jobs} == {job.id, other.id}
    assert jobs.page(limit=1).next is not None
    assert jobs.cancel(job.id).state == "cancelled"
    assert [each.id for each in jobs.page(states=("queued",), all=True).jobs] == [other.id]
    office.finish(None)
    with pytest.raises(Refusal, match="409"):
        jobs.cancel(other.id)
    with pytest.raises(Refusal, match="404"):
        jobs.get("0" * 32)
    with pytest.raises(Refusal, match="from: bad time"):
        jobs.export("yesterday")


def test_a_wait_tells_progress_and_ends_with_the_job_though_the_store_is_away_meanwhile(office: Office) -> None:
    id = office.client.jobs.export().id
    job = office.take()
    office.api.jobs.report(job.id, job.attempt, JobProgress(3, 9, "records"), office.api.now_ms + 60_000)
    seen: list[ShownProgress] = []

    def progress(progress: ShownProgress) -> None:
        seen.append(progress)
        if len(seen) == 1:
            office.api.database.away = True
            threading.Timer(0.5, finish).start()

    def finish() -> None:
        office.api.database.away = False
        office.api.jobs.finish(job.id, job.attempt, JobOutcome("done", '{"rows":7}'), office.api.now_ms, office.api.now_ms + DAY_MS)

    ended = office.client.jobs.wait(id, progress, look_seconds=0.05)
    assert (ended.state, ended.result) == ("done", {"rows": 7})
    assert seen[0] == ShownProgress(3, 9, "records")


def test_a_wait_has_an_end(office: Office) -> None:
    id = office.client.jobs.export().id
    with pytest.raises(Refusal, match=r"not ended.*within 0.1 s"):
        office.client.jobs.wait(id, seconds_max=0.1, look_seconds=0.05)
    with pytest.raises(Refusal, match="404"):
        office.client.jobs.wait("0" * 32)


def test_a_result_is_downloaded_and_replaces_what_was_there(office: Office, tmp_path: pathlib.Path) -> None:
    id = office.client.jobs.export().id
    out = tmp_path / "out" / "mine.parquet"
    out.parent.mkdir()
    out.write_text("of before")
    with pytest.raises(Refusal, match="409"):
        office.client.jobs.download(id, out)
    assert out.read_text() == "of before"
    office.finish()
    office.client.jobs.download(id, out)
    assert out.read_bytes() == CONTENT
    assert list(out.parent.iterdir()) == [out]


def test_a_download_goes_on_where_its_connection_broke(office: Office, tmp_path: pathlib.Path) -> None:
    id = office.client.jobs.export().id
    office.finish()
    with breaking(office.port, after_bytes=2_000_000) as (port, requests), Client(f"http://127.0.0.1:{port}", TOKEN) as client:
        client.jobs.download(id, tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet").read_bytes() == CONTENT
    assert len(requests) == 2
    assert b"\r\nrange: bytes=" in requests[1].lower()
    assert b"bytes=0-" not in requests[1]


def test_a_damaged_file_is_not_taken(office: Office, tmp_path: pathlib.Path) -> None:
    id = office.client.jobs.export().id
    job = office.finish()
    (results_of(office.api.settings).of(job) / "training.parquet").write_bytes(CONTENT[::-1])
    with pytest.raises(Refusal, match="damaged file"):
        office.client.jobs.download(id, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def test_a_job_that_made_no_file_has_none_to_download(office: Office, tmp_path: pathlib.Path) -> None:
    id = office.client.jobs.export().id
    office.finish(None)
    with pytest.raises(Refusal, match="no file"):
        office.client.jobs.download(id, tmp_path / "out.parquet")


class breaking:  # noqa: N801 - used as a function
    """A relay to `port` whose first connection breaks after so many bytes of the answer; gives its port and the requests."""

    def __init__(self, port: int, after_bytes: int) -> None:
        self._port = port
        self._left: list[int] = [after_bytes]
        self._requests: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> tuple[int, list[bytes]]:
        threading.Thread(target=self._serve, daemon=True).start()
        return self._listening.getsockname()[1], self._requests

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listening.accept()
            except OSError:
                return
            with caller, socket.create_connection(("127.0.0.1", self._port)) as server:
                self._requests.append(caller.recv(65_536))
                server.sendall(self._requests[-1])
                left = self._left.pop() if self._left else 1 << 60
                while left > 0 and (chunk := server.recv(min(65_536, left))):
                    caller.sendall(chunk)
                    left -= len(chunk)
