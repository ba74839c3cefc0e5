"""What keeps the local stack running goes on where a disk is full: nothing that it says or starts beside ends the whole system."""

import errno
import os
import pathlib
import signal
from typing import cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from deploy.commands.running import run_until_interrupted
from deploy.local.solo_stack import SoloStack
from deploy.local.stack import Stack, free_settings
from deploy.machine.interruption import listen
from deploy.machine.processes import Process
from deploy.servers import broker
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.log.log_folder import INPUT, LOGS
from pipeline.log.writer import LogWriter

FULL = OSError(errno.ENOSPC, "No space left on device")


class Named:
    """A process as far as the stack looks at it: one that runs, or has ended."""

    def __init__(self, name: str, runs: bool) -> None:
        self.name = name
        self.runs = runs
        self.pid = 0
        self.log = pathlib.Path(f"{name}.log")

    def running(self) -> bool:
        return self.runs


def refuse(*arguments: object) -> str:
    raise FULL


@pytest.fixture
def unstarted(tmp_path: pathlib.Path) -> Stack:
    """One whose api has ended and can be started again; nothing that it says is heard."""
    made = Stack(free_settings(tmp_path), {}, refuse)
    made._own("api", cast(Process, Named("api", runs=False)), lambda: cast(Process, Named("api", runs=True)))
    return made


def test_what_ended_is_started_again_though_nobody_can_be_told(unstarted: Stack) -> None:
    assert unstarted.keep_running() == ["api"]
    assert unstarted.process("api").running()


def test_a_broker_that_does_not_take_its_password_is_tried_again_later(unstarted: Stack) -> None:
    def fail() -> Process:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    unstarted._own("broker", cast(Process, Named("broker", runs=False)), fail)
    assert unstarted.keep_running() == ["api"]
    assert not unstarted.process("broker").running()


@pytest.mark.parametrize("part", ["_delivery", "_compaction"])
def test_a_part_beside_that_finds_no_room_for_its_log_ends_nothing(unstarted: Stack, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getattr(unstarted, part), "check", refuse)
    assert unstarted.keep_running() == ["api"]
    assert unstarted.keep_running() == []


def test_logs_that_cannot_be_cut_end_nothing(unstarted: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unstarted._tidying, "step", refuse)
    assert unstarted.keep_running() == ["api"]


def test_a_broker_that_came_up_only_half_leaves_its_ports_to_the_next_try(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    ended: list[str] = []

    class Half(Named):
        def kill(self) -> None:
            ended.append(self.name)

    def fail(*arguments: object) -> None:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    monkeypatch.setattr(broker, "launch_broker", lambda *arguments: Half("broker", runs=True))
    monkeypatch.setattr(broker, "wait_for_broker", fail)
    with pytest.raises(KafkaException):
        broker.start_broker(tmp_path, tmp_path, 1, 2)
    assert ended == ["broker"]


def test_parts_that_ended_together_start_again_in_the_order_of_the_first_start(unstarted: Stack) -> None:
    def end(name: str) -> None:
        unstarted._own(name, cast(Process, Named(name, runs=False)), lambda: cast(Process, Named(name, runs=True)))

    end("task-manager-1")
    end("task-manager-2")
    assert unstarted.keep_running() == ["api", "task-manager-1", "task-manager-2"]
    for name in ("task-manager-2", "api", "task-manager-1"):
        process = unstarted.process(name)
        cast(Named, process).runs = False
        unstarted._processes.all.append(unstarted._processes.all.pop(unstarted._processes.all.index(process)))
    assert unstarted.keep_running() == ["api", "task-manager-1", "task-manager-2"]


def test_what_nobody_waits_for_is_asked_to_end_before_anything_is_waited_for(unstarted: Stack) -> None:
    did: list[str] = []

    class Ending(Named):
        def ask_to_stop(self) -> None:
            did.append(f"{self.name} is asked")

        def stop(self) -> None:
            did.append(f"{self.name} has ended")

    unstarted._processes.all.clear()
    for name in ("broker", "learn", "worker", "api"):
        unstarted._processes.add(cast(Process, Ending(name, runs=True)))
    unstarted.stop()
    ends = [f"{name} has ended" for name in ("api", "worker", "learn", "broker")]
    assert did == ["learn is asked", "worker is asked", *ends]


def test_a_solo_system_starts_what_ended_again_though_nobody_can_be_told(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = SoloStack(Settings(runtime="solo", folder=str(tmp_path)), tmp_path, refuse)
    monkeypatch.setattr(made, "_python", lambda name: Named(name, runs=True))
    made._processes.add(cast(Process, Named("api", runs=False)))
    assert made.keep_running() == ["api"]
    assert made.process("api").running()


def test_a_solo_system_whose_folder_is_in_use_writes_nothing_into_its_logs(tmp_path: pathlib.Path) -> None:
    settings = Settings(runtime="solo", folder=str(tmp_path))
    first = LogWriter(settings.path(*LOGS, INPUT))
    with pytest.raises(Refusal, match="log in use"):
        SoloStack(settings, tmp_path).start()
    assert not settings.path("logs").exists()
    first.close()


def test_a_system_whose_words_nobody_reads_is_run_and_stopped(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class System:
        """Is stopped by the second look."""

        def __init__(self) -> None:
            self.did: list[str] = []

        def start(self) -> None:
            self.did.append("start")

        def keep_running(self) -> None:
            self.did.append("keep")
            os.kill(os.getpid(), signal.SIGTERM)

        def stop(self) -> None:
            self.did.append("stop")

    system = System()
    monkeypatch.setattr("click.echo", refuse)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    umask = os.umask(0o077)
    try:
        run_until_interrupted(Settings(folder=str(tmp_path)), lambda: system, lambda settings: "where")
    finally:
        os.umask(umask)
        listen()  # forgets the signal, which a later wait in this process would take for its own
        for number, handler in zip((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), before, strict=True):
            signal.signal(number, handler)
    assert system.did == ["start", "keep", "stop"]
