"""Where slots were lost, with the JobManager or without it, the score job gets its own again, and once."""

import pathlib
from typing import Any, cast

import pytest

from deploy.local import stack as deploy_stack
from deploy.local.ending_jobs import end_all_jobs
from deploy.local.stack import Stack, free_settings
from deploy.machine.processes import Process
from foundation.refusal import Refusal
from pipeline.flink.flink_rest import FlinkRest


class Part:
    """A process as far as the stack looks at it."""

    def __init__(self, name: str, runs: bool = True) -> None:
        self.name = name
        self.pid = 0
        self.log = pathlib.Path(f"{name}.log")
        self._runs = runs

    def running(self) -> bool:
        return self._runs

    def stop(self) -> None:
        self._runs = False


class OneSlot:
    """A cluster whose first job of all gets its only slot, and the others wait; it answers as Flink's REST interface does."""

    url = "https://flink"

    def __init__(self) -> None:
        self.jobs: dict[str, str] = {}
        self.unending: set[str] = set()
        self.handed_over: list[str] = []

    def take(self, name: str) -> None:
        """A job is handed over."""
        self.handed_over.append(name)
        self.jobs[f"{name}-{len(self.handed_over)}"] = name

    def holder(self) -> str:
        """The job that has the slot."""
        return next(iter(self.jobs.values()), "")

    def ask(self, path: str, timeout_seconds: float, method: str = "GET", body: bytes | None = None) -> Any:
        if method == "PATCH":
            id = path.removeprefix("/jobs/").removesuffix("?mode=cancel")
            if id not in self.unending:
                del self.jobs[id]
            return None
        if path.startswith("/taskmanagers/task-manager-1-"):
            return {"allocatedSlots": [{"jobId": id} for id in list(self.jobs)[:1]]}
        order = list(self.jobs)
        return {"jobs": [{"name": name, "jid": id, "state": "RUNNING", "start-time": order.index(id)} for id, name in self.jobs.items()]}


class Submission:
    """Jobs that deliver, which are being handed over to whichever JobManager there is next."""

    def __init__(self, flink: OneSlot) -> None:
        self._flink = flink
        self.under_way = False

    def task_managers(self, after: int) -> range:
        return range(after + 1, after + 1)

    def submit(self, environment: object) -> None:
        self.under_way = True

    def check(self, environment: object) -> str:
        if "weir-metrics" not in self._flink.jobs.values():
            self._flink.take("weir-metrics")
        return ""

    def stop(self) -> None:
        self.under_way = False

    def job_manager_is_up(self) -> None:
        if self.under_way:
            self._flink.take("weir-metrics")


@pytest.fixture
def cluster() -> OneSlot:
    return OneSlot()


@pytest.fixture
def delivery(cluster: OneSlot) -> Submission:
    return Submission(cluster)


@pytest.fixture
def unstarted(tmp_path: pathlib.Path, cluster: OneSlot, delivery: Submission, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """One whose JobManager has ended just now."""
    made = Stack(free_settings(tmp_path), {})

    def start_job_manager() -> Part:
        delivery.job_manager_is_up()
        return Part("job-manager")

    def submit_score_job(*arguments: object) -> None:
        cluster.take("weir-score")
        if cluster.holder() != "weir-score":
            raise Refusal("score job does not run", where="logs", expected="a slot", got="none")

    monkeypatch.setattr(made, "_delivery", delivery)
    monkeypatch.setattr(made.cluster, "rest", cluster)
    monkeypatch.setattr(made.cluster, "start_job_manager", start_job_manager)
    monkeypatch.setattr(deploy_stack, "submit_score_job", submit_score_job)
    made._own("job-manager", cast(Process, Part("job-manager", runs=False)), made._start_job_manager_again)
    return made


def test_a_delivering_job_that_was_being_handed_over_does_not_take_the_score_jobs_slot(
    unstarted: Stack, cluster: OneSlot, delivery: Submission
) -> None:
    delivery.under_way = True
    unstarted.keep_running()
    assert cluster.holder() == "weir-score"
    assert cluster.handed_over[0] == "weir-score"


def test_delivering_jobs_wait_while_the_score_job_is_not_handed_over_yet(
    unstarted: Stack, cluster: OneSlot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unstarted._patience, "may_try", lambda name: name != "submission")
    unstarted.keep_running()
    assert cluster.handed_over == []


def test_a_score_job_that_waits_for_a_slot_since_a_try_that_failed_is_not_there_twice_after_the_next(
    unstarted: Stack, cluster: OneSlot
) -> None:
    for name in ("weir-metrics", "weir-score", "weir-score"):
        cluster.take(name)
    unstarted.keep_running()
    assert cluster.holder() == "weir-score"
    assert list(cluster.jobs.values()).count("weir-score") == 1


def test_a_delivering_job_that_got_the_slot_of_the_score_job_gives_it_back(
    unstarted: Stack, cluster: OneSlot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unstarted.cluster, "_ids", {1: "task-manager-1-6"})
    unstarted.keep_running()
    assert cluster.holder() == "weir-score"
    cluster.jobs = {"metrics-2": "weir-metrics", "score-2": "weir-score"}
    monkeypatch.setattr(unstarted._placement, "_next_look", 0.0)
    for _ in range(2):
        unstarted.keep_running()
    assert cluster.holder() == "weir-score"
    assert list(cluster.jobs.values()).count("weir-score") == 1


def test_a_job_that_does_not_end_is_named(cluster: OneSlot) -> None:
    cluster.take("weir-score")
    cluster.unending = set(cluster.jobs)
    with pytest.raises(Refusal, match=r"jobs do not end.*weir-score"):
        end_all_jobs(cast(FlinkRest, cluster), seconds_max=0.0)
