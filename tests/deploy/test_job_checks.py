"""What `weir doctor` says of jobs."""

import contextlib
import pathlib
from collections.abc import Iterator

import pytest
from databases_of_a_test import database_in

from deploy.doctor.job_checks import IDLE_MS_MAX, undone
from stores.jobs import JobRequest, Jobs, QueueBounds, StoredJob, new_job_id
from stores.relational.jobs import RelationalJobs

NOW_MS = 1_700_000_000_000
LEASE_MS = 15_000


@pytest.fixture
def jobs(tmp_path: pathlib.Path) -> Iterator[Jobs]:
    with contextlib.closing(database_in(tmp_path)) as database:
        yield RelationalJobs(database)


def ask(jobs: Jobs, at_ms: int) -> StoredJob:
    return jobs.add(new_job_id(at_ms), JobRequest("export", "{}", "ana", at_ms), QueueBounds(10, 10))


def test_no_jobs_and_jobs_that_have_just_come_are_well(jobs: Jobs) -> None:
    assert undone(jobs, NOW_MS) == ""
    ask(jobs, NOW_MS - IDLE_MS_MAX)
    assert undone(jobs, NOW_MS) == ""


def test_jobs_that_nobody_takes_are_named_with_where_to_look(jobs: Jobs) -> None:
    job = ask(jobs, NOW_MS - IDLE_MS_MAX - 1)
    said = undone(jobs, NOW_MS)
    assert said.startswith("1 jobs wait")
    assert job.id in said
    assert "worker.log" in said


def test_a_job_that_waits_behind_another_is_well_until_nobody_does_that_one(jobs: Jobs) -> None:
    for at_ms in (1, 2):
        ask(jobs, NOW_MS - IDLE_MS_MAX - 10 + at_ms)
    jobs.take("w1", ("export",), NOW_MS, NOW_MS + LEASE_MS)
    assert undone(jobs, NOW_MS + LEASE_MS + IDLE_MS_MAX) == ""
    assert undone(jobs, NOW_MS + LEASE_MS + IDLE_MS_MAX + 1).startswith("2 jobs wait")
