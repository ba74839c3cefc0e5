"""The worker does jobs in processes of their own: with real processes, a real database and planted kinds of jobs."""

import contextlib
import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import planted_kinds
import pytest
from databases_of_a_test import FickleDatabase

from foundation.settings import Settings
from pipeline.control.child_process import SOURCES
from pipeline.jobs import attempt as attempts
from pipeline.jobs.result_folder import FOLDER, results_of
from pipeline.jobs.worker import DAY_MS, Worker
from stores.jobs import JobRequest, QueueBounds, StoredJob, new_job_id
from stores.relational.jobs import RelationalJobs

NOW_MS = 1_700_000_000_000
BOUNDS = QueueBounds(100, 100)


class Office:
    """A store of jobs, a worker with a clock that the test sets, and the thread that it runs in."""

    def __init__(self, folder: pathlib.Path, **settings: Any) -> None:
        self.database = FickleDatabase(folder)
        self.jobs = RelationalJobs(self.database)
        self.settings = Settings(folder=str(folder), **settings)
        self.results = results_of(self.settings)
        self.now_ms = NOW_MS
        self.worker = self.another_worker("w1")

    def another_worker(self, name: str) -> Worker:
        return Worker(self.settings, self.jobs, planted_kinds.KINDS, "planted_kinds", lambda: self.now_ms / 1_000, name)

    def ask(self, kind: str = "count", **given: Any) -> str:
        parameters = msgspec.json.encode(planted_kinds.Given(**given)).decode()
        return self.jobs.add(new_job_id(self.now_ms), JobRequest(kind, parameters, "ana", self.now_ms), BOUNDS).id

    def done(self, kind: str = "count", **given: Any) -> StoredJob:
        """A new job after the worker has had its turn."""
        id = self.ask(kind, **given)
        assert self.worker.step()
        return self.job(id)

    def job(self, id: str) -> StoredJob:
        job = self.jobs.get(id)
        assert job is not None
        return job

    def folders(self) -> list[str]:
        path = self.settings.path(FOLDER)
        return sorted(each.name for each in path.iterdir()) if path.is_dir() else []


@pytest.fixture
def office(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("PYTHONPATH", str(pathlib.Path(planted_kinds.__file__).parent))
    made = Office(tmp_path, job_memory_mib_max=512, job_disk_mib_max=20)
    yield made
    made.database.close()


@contextlib.contextmanager
def at_work(worker: Worker) -> Iterator[threading.Thread]:
    """Lets `worker` run beside the test, and ends it."""
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        worker.stop()
        thread.join(60)
        assert not thread.is_alive()


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def lines_of(sign: pathlib.Path) -> list[str]:
    return sign.read_text().splitlines() if sign.exists() else []


def test_a_job_is_done_at_the_lowest_priority_and_its_file_is_described(office: Office) -> None:
    job = office.done(steps=5)
    assert job.state == "done"
    assert job.result is not None
    assert msgspec.json.decode(job.result) == {"counted": 5, "niceness": 19}
    path = office.results.file_of(job)
    assert path is not None
    assert job.file is not None
    content = path.read_bytes()
    assert content == b"0\n1\n2\n3\n4\n"
    assert (job.file.size_bytes, job.file.sha256) == (10, hashlib.sha256(content).hexdigest())
    assert job.expires_at_ms == NOW_MS + office.settings.job_results_kept_days * DAY_MS
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_job_that_somebody_waits_for_gives_way_less(office: Office) -> None:
    job = office.done("hurry", steps=1)
    assert job.result is not None
    assert msgspec.json.decode(job.result) == {"counted": 1, "niceness": max(10, os.nice(0))}


def test_a_worker_without_work_does_nothing(office: Office) -> None:
    assert not office.worker.step()
    assert office.folders() == []


@pytest.mark.parametrize(
    ("kind", "what", "got"),
    [
        ("refuse", "no answer", "none"),
        ("fail", "job raised an exception", "an exception"),
        ("eat", "job needs too much memory", "more"),
        ("die", "job needs too much memory", "a process ended by SIGKILL"),
        ("boast", "job raised an exception", "an exception"),
    ],
)
def test_a_job_that_ends_badly_fails_with_the_reason_and_leaves_no_file(office: Office, kind: str, what: str, got: str) -> None:
    job = office.done(kind)
    assert job.state == "failed"
    assert job.problem is not None
    assert (job.problem["what"], job.problem["got"]) == (what, got)
    assert job.problem["expected"] and job.problem["remedy"]
    assert "secret" not in str(job.problem)
    assert office.folders() == []
    assert office.done().state == "done"  # and the next one is none the worse


def test_parameters_of_another_version_are_a_refusal(office: Office) -> None:
    job = office.jobs.add(new_job_id(NOW_MS), JobRequest("count", '{"speed":3}', "ana", NOW_MS), BOUNDS)
    assert office.worker.step()
    problem = office.job(job.id).problem
    assert problem is not None
    assert (problem["what"], problem["got"]) == ("parameters of another version", "Object contains unknown field `speed`")


def test_a_job_that_writes_too_much_is_stopped(office: Office) -> None:
    job = office.done("fill")
    assert job.problem is not None
    assert job.problem["what"] == "job takes too much disk"
    assert office.folders() == []


def test_a_job_is_stopped_before_the_disk_is_full(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FREE_BYTES_LEAST", 1 << 60)
    job = office.done(steps=100_000)
    assert job.problem is not None
    assert job.problem["what"] == "disk almost full"


def test_progress_is_stored_while_the_job_runs(office: Office) -> None:
    id = office.ask(steps=100_000)
    with at_work(office.worker):
        wait_for(lambda: office.job(id).progress.done > 0, "no progress")
        progress = office.job(id).progress
    assert (progress.total, progress.unit) == (100_000, "numbers")


@pytest.mark.parametrize("kind", ["count", "think"])
def test_a_cancelled_job_stops_whether_it_listens_or_not(office: Office, kind: str) -> None:
    id = office.ask(kind, steps=1_000_000, sign=str(office.settings.path("sign")))
    with at_work(office.worker):
        wait_for(lambda: lines_of(office.settings.path("sign")), "it does not begin")
        office.jobs.cancel(id, NOW_MS, NOW_MS + 1)
        wait_for(lambda: office.job(id).state == "cancelled", "it does not stop")
    assert office.folders() == []
    assert not pathlib.Path("/proc", lines_of(office.settings.path("sign"))[0]).exists()


@pytest.mark.parametrize("kind", ["count", "think"])
def test_a_worker_that_is_told_to_end_puts_its_job_back_and_another_one_does_it(office: Office, kind: str) -> None:
    sign = office.settings.path("sign")
    id = office.ask(kind, steps=60_000, sign=str(sign))
    with at_work(office.worker):
        wait_for(lambda: lines_of(sign), "it does not begin")
    job = office.job(id)
    assert (job.state, job.attempt, job.lapses) == ("queued", 1, 0)
    assert office.folders() == []
    office.jobs.cancel(id, NOW_MS, NOW_MS + 1)
    assert not office.another_worker("w2").step()


@pytest.mark.slow
def test_a_job_whose_worker_was_killed_is_done_once_by_the_next(office: Office, tmp_path: pathlib.Path) -> None:
    sign = tmp_path / "sign"
    id = office.ask("think", steps=60_000, sign=str(sign))
    program = (
        "import pathlib, sys; from databases_of_a_test import database_in; from foundation.settings import Settings\n"
        "from stores.relational.jobs import RelationalJobs; from pipeline.jobs.worker import Worker; from planted_kinds import KINDS\n"
        f"clock = lambda: {NOW_MS / 1_000}\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "Worker(Settings(folder=str(folder)), RelationalJobs(database_in(folder)), KINDS, 'planted_kinds', clock, 'killed').run()"
    )
    environment = os.environ | {"PYTHONPATH": f"{SOURCES}:{pathlib.Path(planted_kinds.__file__).parent}"}
    worker = subprocess.Popen([sys.executable, "-c", program], env=environment)
    wait_for(lambda: lines_of(sign), "it does not begin")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    wait_for(lambda: not pathlib.Path("/proc", lines_of(sign)[0]).exists(), "the job outlives its worker")
    assert office.job(id).worker == "killed"
    assert not office.worker.step()  # the lease has not ended
    half = office.folders()
    office.now_ms += attempts.LEASE_MS
    with at_work(office.worker):
        wait_for(lambda: len(lines_of(sign)) == 2, "nobody takes it up")
        assert office.job(id).attempt == 2
        office.jobs.cancel(id, NOW_MS, NOW_MS + 1)
        wait_for(lambda: office.job(id).state == "cancelled", "it does not stop")
    assert half == [f"{id}-1"] == office.folders()
    office.worker.sweep()
    assert office.folders() == []


def test_a_worker_that_has_lost_its_job_stops_it_and_its_outcome_does_not_count(office: Office) -> None:
    sign = office.settings.path("sign")
    id = office.ask("think", steps=60_000, sign=str(sign))
    with at_work(office.worker):
        wait_for(lambda: lines_of(sign), "it does not begin")
        office.now_ms += attempts.LEASE_MS + 1
        taken = None

        def is_taken() -> bool:
            nonlocal taken
            office.jobs.release_lapsed(office.now_ms + attempts.LEASE_MS, office.now_ms)
            taken = office.jobs.take("another", ("think",), office.now_ms, office.now_ms + 1_000_000_000)
            return taken is not None

        wait_for(is_taken, "it cannot be taken")
        wait_for(lambda: not pathlib.Path("/proc", lines_of(sign)[0]).exists(), "it does not stop")
    job = office.job(id)
    assert (job.state, job.attempt, job.worker) == ("running", 2, "another")


def test_a_job_is_finished_though_the_store_was_away_when_it_ended(office: Office) -> None:
    sign = office.settings.path("sign")
    id = office.ask("count", steps=10, step_ms=50, sign=str(sign))
    with at_work(office.worker):
        wait_for(lambda: lines_of(sign), "it does not begin")
        office.database.away = True
        wait_for(lambda: not pathlib.Path("/proc", lines_of(sign)[0]).exists(), "it does not end")
        office.database.away = False
        wait_for(lambda: office.job(id).state == "done", "its end is lost")
    assert office.job(id).attempt == 1


def test_a_worker_waits_for_a_store_that_is_away(office: Office) -> None:
    id = office.ask()
    office.database.away = True
    assert not office.worker.step()
    office.database.away = False
    assert office.worker.step()
    assert office.job(id).state == "done"


def test_a_result_expires_with_its_file_and_is_forgotten_later(office: Office) -> None:
    job = office.done()
    kept_ms = office.settings.job_results_kept_days * DAY_MS
    office.now_ms += kept_ms - 1
    office.worker.sweep()
    assert office.folders() == [f"{job.id}-1"]
    office.now_ms += 1
    office.worker.sweep()
    assert office.job(job.id).state == "expired"
    assert office.folders() == []
    office.now_ms += kept_ms + 1
    office.worker.sweep()
    assert office.jobs.get(job.id) is None


def test_a_job_that_the_disk_does_not_take_fails_and_the_next_one_is_done(office: Office) -> None:
    path = office.settings.path(FOLDER)
    path.write_text("in the way")
    job = office.done()
    assert job.problem is not None
    assert (job.state, job.problem["what"]) == ("failed", "job cannot be begun")
    path.unlink()
    assert office.done().state == "done"


def test_an_attempt_begins_with_an_empty_folder(office: Office) -> None:
    id = office.ask()
    before = office.settings.path(FOLDER, f"{id}-1")
    before.mkdir(parents=True)
    (before / "left").write_text("of a database that was restored")
    assert office.worker.step()
    assert [path.name for path in before.iterdir()] == [planted_kinds.FILE]


def test_what_is_no_folder_of_an_attempt_stays(office: Office) -> None:
    office.done()
    (office.settings.path(FOLDER) / "notes").mkdir()
    office.worker.sweep()
    assert "notes" in office.folders()
