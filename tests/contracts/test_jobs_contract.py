"""What the store of jobs keeps to, in each database of `PLACES`."""

import concurrent.futures
import contextlib
import threading
from collections.abc import Iterator

import msgspec
import pytest
from databases_of_a_test import PLACES

from stores.jobs import (
    LAPSES_MAX,
    JobOutcome,
    JobProgress,
    JobRequest,
    Jobs,
    QueueBounds,
    QueueFullError,
    ResultFile,
    StoredJob,
    new_job_id,
)
from stores.relational.database import Database
from stores.relational.jobs import RelationalJobs

BOUNDS = QueueBounds(of_caller=50, of_all=100)
LEASE_MS = 1_000
KEPT_MS = 10_000
KINDS = ("export",)
FILE = ResultFile("training.parquet", 5_000_000_000, "ab" * 32)
DONE = JobOutcome("done", '{"rows":7}', FILE)


@pytest.fixture(params=PLACES)
def store(request: pytest.FixtureRequest) -> Iterator[Jobs]:
    with contextlib.closing(Database(PLACES[request.param](request))) as database:
        yield RelationalJobs(database)


def request(at_ms: int = 1_000, by: str = "ana", kind: str = "export", key: str | None = None, parameters: str = "{}") -> JobRequest:
    return JobRequest(kind, parameters, by, at_ms, key)


def add(store: Jobs, at_ms: int = 1_000, by: str = "ana", kind: str = "export", bounds: QueueBounds = BOUNDS) -> StoredJob:
    return store.add(new_job_id(at_ms), request(at_ms, by, kind), bounds)


def take(store: Jobs, at_ms: int = 2_000, worker: str = "w1") -> StoredJob | None:
    return store.take(worker, KINDS, at_ms, at_ms + LEASE_MS)


def taken(store: Jobs, at_ms: int = 2_000) -> StoredJob:
    found = take(store, at_ms)
    assert found is not None
    return found


def finished(store: Jobs, outcome: JobOutcome = DONE, at_ms: int = 3_000, file_bytes: int = 10) -> StoredJob:
    """A new job that has ended at `at_ms`."""
    add(store, at_ms)
    job = taken(store, at_ms)
    file = None if outcome.file is None else msgspec.structs.replace(outcome.file, size_bytes=file_bytes)
    assert store.finish(job.id, job.attempt, msgspec.structs.replace(outcome, file=file), at_ms, at_ms + KEPT_MS)
    return found(store, job.id)


def found(store: Jobs, id: str) -> StoredJob:
    job = store.get(id)
    assert job is not None
    return job


def test_a_job_comes_back_as_it_was_asked_for(store: Jobs) -> None:
    asked = request(1 << 45, "ana", key="k-1", parameters='{"from":"2026-11-23T00:00:00Z"}')
    job = store.add(new_job_id(asked.at_ms), asked, BOUNDS)
    assert (job.request, job.state, job.attempt) == (asked, "queued", 0)
    assert store.get(job.id) == job
    assert store.get("f" * 32) is None


def test_the_ids_of_later_jobs_are_greater() -> None:
    ids = [new_job_id(at_ms) for at_ms in (0, 1, 255, 256, 1 << 40, 1 << 47)]
    assert ids == sorted(ids)
    assert {len(id) for id in ids} == {32}
    assert new_job_id(5) != new_job_id(5)


def test_a_repeated_key_of_a_caller_gives_the_same_job_in_any_state_and_even_if_the_queue_is_full(store: Jobs) -> None:
    job = store.add(new_job_id(1_000), request(key="k"), BOUNDS)
    again = store.add(new_job_id(1_500), request(1_500, key="k", parameters='{"another":1}'), QueueBounds(0, 0))
    assert again == job
    store.cancel(job.id, 2_000, 3_000)
    assert store.add(new_job_id(2_500), request(2_500, key="k"), QueueBounds(0, 0)).id == job.id
    assert store.add(new_job_id(1_000), request(by="bob", key="k"), BOUNDS).id != job.id


def test_a_caller_has_so_many_unfinished_jobs_and_no_more(store: Jobs) -> None:
    bounds = QueueBounds(of_caller=2, of_all=3)
    add(store, bounds=bounds)
    add(store, bounds=bounds)
    taken(store)  # one that runs counts too
    with pytest.raises(QueueFullError) as full:
        add(store, bounds=bounds)
    assert (full.value.of_caller, full.value.unfinished) == (True, 2)
    add(store, by="bob", bounds=bounds)
    with pytest.raises(QueueFullError) as full:
        add(store, by="eve", bounds=bounds)
    assert (full.value.of_caller, full.value.unfinished) == (False, 3)
    store.cancel(store.page("bob", (), None, 1)[0].id, 2_000, 3_000)
    add(store, by="eve", bounds=bounds)


def test_of_many_that_ask_at_once_so_many_are_queued_as_there_is_room_for(store: Jobs) -> None:
    def ask(number: int) -> bool:
        try:
            add(store, number, bounds=QueueBounds(of_caller=3, of_all=50))
        except QueueFullError:
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(ask, range(12))) == 3


def test_of_many_that_repeat_a_key_at_once_all_get_one_job(store: Jobs) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        jobs = list(threads.map(lambda number: store.add(new_job_id(number), request(number, key="k"), BOUNDS), range(12)))
    assert len({job.id for job in jobs}) == 1


def test_jobs_are_listed_newest_first_by_caller_state_and_page(store: Jobs) -> None:
    jobs = [add(store, at_ms, by) for at_ms, by in ((1, "ana"), (2, "bob"), (3, "ana"), (4, "ana"))]
    ids = [job.id for job in jobs]
    assert [job.id for job in store.page("ana", (), None, 10)] == [ids[3], ids[2], ids[0]]
    assert [job.id for job in store.page(None, (), None, 10)] == ids[::-1]
    assert [job.id for job in store.page("ana", (), None, 2)] == [ids[3], ids[2]]
    assert [job.id for job in store.page("ana", (), ids[2], 2)] == [ids[0]]
    running = taken(store)
    assert [job.id for job in store.page(None, ("running", "done"), None, 10)] == [running.id]


def test_a_worker_takes_the_oldest_job_of_a_kind_that_it_knows(store: Jobs) -> None:
    assert take(store) is None
    add(store, 1, kind="another")
    old, new = add(store, 2), add(store, 3)
    job = taken(store, 2_000)
    assert (job.id, job.state, job.attempt, job.worker) == (old.id, "running", 1, "w1")
    assert (job.started_at_ms, job.lease_until_ms) == (2_000, 2_000 + LEASE_MS)
    assert store.get(old.id) == job
    assert taken(store).id == new.id
    assert take(store) is None


def test_callers_have_their_turn_one_after_the_other(store: Jobs) -> None:
    asked = [add(store, at_ms, by) for at_ms, by in ((1, "ana"), (2, "ana"), (3, "ana"), (4, "bob"), (5, "eve"), (6, "bob"))]
    order = [taken(store, 2_000 + at_ms).id for at_ms in range(len(asked))]
    assert order == [asked[place].id for place in (0, 3, 4, 1, 5, 2)]


def test_no_two_of_many_workers_take_one_job(store: Jobs) -> None:
    ids = {add(store, number).id for number in range(20)}
    begun = threading.Barrier(6)

    def work(number: int) -> list[str]:
        begun.wait()
        mine: list[str] = []
        while len(ids & {job.id for job in store.page(None, ("queued",), None, 50)}):
            if (job := take(store, worker=f"w{number}")) is not None:
                mine.append(job.id)
        return mine

    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        shares = list(threads.map(work, range(6)))
    assert sorted(id for share in shares for id in share) == sorted(ids)


def test_a_report_stores_the_progress_and_renews_the_lease(store: Jobs) -> None:
    add(store)
    job = taken(store)
    progress = JobProgress(1 << 40, 1 << 41, "records")
    reported = store.report(job.id, job.attempt, progress, 9_000)
    assert reported is not None
    assert (reported.progress, reported.lease_until_ms, reported.is_cancel_asked) == (progress, 9_000, False)
    assert store.release_lapsed(8_999, 20_000) == []
    assert store.get(job.id) == reported


def test_a_job_that_is_done_has_its_result_its_file_and_an_end(store: Jobs) -> None:
    add(store)
    job = taken(store)
    assert store.finish(job.id, job.attempt, DONE, 3_000, 13_000)
    done = found(store, job.id)
    assert (done.state, done.result, done.file, done.problem) == ("done", '{"rows":7}', FILE, None)
    assert (done.ended_at_ms, done.expires_at_ms, done.lease_until_ms) == (3_000, 13_000, None)


def test_a_job_that_failed_says_why(store: Jobs) -> None:
    problem = {"what": "no answer", "where": "broker", "expected": "one", "got": "none", "remedy": "start it"}
    job = finished(store, JobOutcome("failed", problem=problem))
    assert (job.state, job.problem, job.result, job.file) == ("failed", problem, None, None)


def test_an_attempt_that_is_over_changes_nothing_any_more(store: Jobs) -> None:
    add(store)
    first = taken(store, 2_000)
    [again] = store.release_lapsed(2_000 + LEASE_MS, 20_000)
    assert (again.state, again.lapses, again.lease_until_ms) == ("queued", 1, None)
    second = taken(store, 4_000)
    assert (second.id, second.attempt) == (first.id, 2)
    for over in (first.attempt, second.attempt + 1):
        assert store.report(first.id, over, JobProgress(5, 5), 99_000) is None
        assert not store.finish(first.id, over, DONE, 5_000, 15_000)
        assert not store.put_back(first.id, over)
    assert store.get(first.id) == second
    assert store.finish(second.id, second.attempt, DONE, 5_000, 15_000)
    assert not store.finish(second.id, second.attempt, JobOutcome("failed", problem={}), 6_000, 16_000)
    assert found(store, first.id).state == "done"


def test_a_job_that_its_worker_puts_back_is_taken_again_and_that_is_no_lapse(store: Jobs) -> None:
    add(store)
    for attempt in range(1, LAPSES_MAX + 3):
        job = taken(store)
        assert (job.attempt, job.lapses) == (attempt, 0)
        assert store.put_back(job.id, job.attempt)
        assert found(store, job.id).state == "queued"


def test_a_job_whose_workers_end_again_and_again_fails_with_the_reason(store: Jobs) -> None:
    add(store)
    for lapses in range(1, LAPSES_MAX + 1):
        job = taken(store, 10_000 * lapses)
        assert store.release_lapsed(10_000 * lapses + LEASE_MS - 1, 90_000) == []
        [released] = store.release_lapsed(10_000 * lapses + LEASE_MS, 90_000)
        assert released.lapses == lapses
    assert released.state == "failed"
    assert released.problem is not None
    assert "3 workers" in released.problem["got"]
    assert (released.ended_at_ms, released.expires_at_ms) == (10_000 * LAPSES_MAX + LEASE_MS, 90_000)
    assert store.get(job.id) == released
    assert take(store) is None


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_when_its_worker_says_so(store: Jobs) -> None:
    queued, running = add(store, 2), add(store, 1)
    job = taken(store)
    assert job.id == running.id
    cancelled = store.cancel(queued.id, 2_500, 12_500)
    assert cancelled is not None
    assert (cancelled.state, cancelled.ended_at_ms, cancelled.expires_at_ms) == ("cancelled", 2_500, 12_500)
    asked = store.cancel(running.id, 2_500, 12_500)
    assert asked is not None
    assert (asked.state, asked.is_cancel_asked, asked.ended_at_ms) == ("running", True, None)
    reported = store.report(job.id, job.attempt, JobProgress(), 9_000)
    assert reported is not None
    assert reported.is_cancel_asked
    assert store.finish(job.id, job.attempt, JobOutcome("cancelled"), 3_000, 13_000)
    assert found(store, job.id).state == "cancelled"
    assert store.cancel("f" * 32, 1, 2) is None


def test_a_job_that_has_ended_is_not_cancelled(store: Jobs) -> None:
    job = finished(store)
    assert store.cancel(job.id, 9_000, 19_000) == job


def test_a_cancelled_job_whose_worker_ends_is_not_queued_again(store: Jobs) -> None:
    add(store)
    job = taken(store)
    store.cancel(job.id, 2_100, 12_100)
    [released] = store.release_lapsed(2_000 + LEASE_MS, 13_000)
    assert (released.state, released.expires_at_ms) == ("cancelled", 13_000)


def test_a_result_expires_at_its_time(store: Jobs) -> None:
    first, second = finished(store, at_ms=3_000), finished(store, at_ms=4_000)
    failed = finished(store, JobOutcome("failed", problem={}), at_ms=3_000)
    assert store.expire(2_999 + KEPT_MS, 1 << 60) == []
    assert [job.id for job in store.expire(3_000 + KEPT_MS, 1 << 60)] == [first.id]
    assert [found(store, job.id).state for job in (first, second, failed)] == ["expired", "done", "failed"]
    assert found(store, first.id).result == first.result


def test_the_oldest_results_expire_early_when_all_together_are_too_large(store: Jobs) -> None:
    jobs = [finished(store, at_ms=at_ms, file_bytes=40) for at_ms in (3_000, 4_000, 5_000)]
    assert [job.id for job in store.expire(6_000, 100)] == [jobs[0].id]
    assert found(store, jobs[0].id).expires_at_ms == 6_000
    assert store.expire(6_000, 80) == []


def test_ended_jobs_are_forgotten_after_their_time_or_when_there_are_too_many_of_them(store: Jobs) -> None:
    jobs = [finished(store, JobOutcome("failed", problem={}), at_ms=at_ms) for at_ms in (3_000, 4_000, 5_000, 6_000)]
    done, queued = finished(store, at_ms=1_000), add(store, 1)
    assert store.forget(3_000 + KEPT_MS, 100) == 0
    assert store.forget(3_001 + KEPT_MS, 100) == 1
    assert store.forget(0, 2) == 1
    assert [job.id for job in jobs if store.get(job.id) is not None] == [jobs[2].id, jobs[3].id]
    assert store.get(done.id) is not None
    assert store.get(queued.id) is not None
