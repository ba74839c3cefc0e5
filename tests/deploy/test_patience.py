"""What ends or fails again and again is tried again for ever, and stops nothing else."""

import pathlib

import pytest

from deploy.local.stack import Stack, free_settings
from deploy.machine.patience import CALM_SECONDS, WAIT_SECONDS_MAX, Patience
from deploy.machine.processes import Process
from foundation.refusal import Refusal


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


def test_the_first_try_is_at_once_and_later_ones_after_growing_waits() -> None:
    clock = Clock()
    patience = Patience(clock)
    waits = []
    for _ in range(9):
        assert patience.may_try("broker")
        waits.append(patience.tried("broker"))
        if waits[-1]:
            assert not patience.may_try("broker")
        clock.seconds += waits[-1]
    assert waits == [0, 1, 2, 4, 8, 16, 32, WAIT_SECONDS_MAX, WAIT_SECONDS_MAX]
    assert patience.may_try("api")
    clock.seconds += CALM_SECONDS
    assert patience.tried("broker") == 0


class _Ended:
    """A process that has ended, or one that goes on."""

    def __init__(self, name: str, running: bool = False) -> None:
        self.name, self.pid, self._running = name, 1, running
        self.log = pathlib.Path(f"{name}.log")

    def running(self) -> bool:
        return self._running

    def stop(self) -> None:
        self._running = False


@pytest.fixture
def unstarted(tmp_path: pathlib.Path) -> Stack:
    made = Stack(free_settings(tmp_path), {}, delivers=False)
    made._patience = Patience(Clock())
    made._yielding.step = lambda processes: None  # type: ignore[method-assign, assignment]
    made._compaction.check = lambda environment: None  # type: ignore[method-assign, assignment]
    return made


def own(unstarted: Stack, name: str, tries: list[str], failures: int) -> None:
    def start() -> Process:
        tries.append(name)
        if tries.count(name) <= failures:
            raise Refusal(f"{name} ended while starting", where="log", expected="a port", got="no space left on device")
        return _Ended(name, running=True)  # type: ignore[return-value]

    unstarted._own(name, _Ended(name), start)  # type: ignore[arg-type]


def test_a_broker_that_does_not_start_stops_no_other_process_and_is_tried_until_it_does(unstarted: Stack) -> None:
    tries: list[str] = []
    said: list[str] = []
    unstarted._say = said.append
    own(unstarted, "broker", tries, failures=20)
    own(unstarted, "api", tries, failures=0)
    assert unstarted.keep_running() == ["api"]
    assert [process.name for process in unstarted._processes.all if process.running()] == ["api"]
    clock: Clock = unstarted._patience._monotonic  # type: ignore[assignment]
    for _ in range(2_000):
        clock.seconds += 1
        if unstarted.keep_running() == ["broker"]:
            break
    assert tries.count("broker") == 21
    assert {process.name for process in unstarted._processes.all if process.running()} == {"api", "broker"}
    assert any("no space left on device" in line for line in said)


def test_a_process_that_ends_again_at_once_is_started_ever_less_often(unstarted: Stack) -> None:
    starts: list[str] = []
    unstarted._own("api", _Ended("api"), lambda: starts.append("api") or _Ended("api"))  # type: ignore[arg-type, func-returns-value, return-value]
    clock: Clock = unstarted._patience._monotonic  # type: ignore[assignment]
    for _ in range(600):
        clock.seconds += 1
        unstarted.keep_running()
    assert 10 <= len(starts) <= 20


def test_jobs_that_cannot_be_submitted_are_submitted_later(unstarted: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []

    def submit() -> None:
        tries.append("submission")
        if tries.count("submission") <= 3:
            raise Refusal("score job does not run", where="flink", expected="a running job", got="none")

    unstarted._submit = submit  # type: ignore[method-assign]
    monkeypatch.setattr("deploy.local.stack.end_all_jobs", lambda rest: None)
    monkeypatch.setattr(unstarted.cluster, "start_job_manager", lambda: _Ended("job-manager", running=True))
    unstarted._own("job-manager", _Ended("job-manager"), unstarted._start_job_manager_again)  # type: ignore[arg-type]
    assert unstarted.keep_running() == ["job-manager"]
    clock: Clock = unstarted._patience._monotonic  # type: ignore[assignment]
    for _ in range(20):
        clock.seconds += 1
        assert unstarted.keep_running() == []
    assert tries.count("submission") == 4
