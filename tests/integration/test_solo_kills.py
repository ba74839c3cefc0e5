"""A solo system is killed under load: nothing is lost, nothing comes twice, and answers are those of a run without kills."""

import itertools
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Self

import pytest
from solo_callers import Callers
from solo_folder import by_topic, everything_is_delivered, names_of, outcomes_of, records_of, require_delivered_once, run_anew

from deploy.command import DEMO_CONFIG
from deploy.local.solo_stack import SoloStack
from deploy.machine.patience import CALM_SECONDS, Patience
from deploy.machine.ports import free_ports
from foundation.settings import Settings, settings_as_environment
from pipeline.log.log_folder import INPUT

FORKS = pathlib.Path(__file__).with_name("killed_api.py")
TOKEN = "the-token-of-a-system-that-is-killed"
MORE_FEATURES = """
- {name: terminal_risk, template: label_rate, entity: terminal_id, window: {length: 1d, delay: 1s}}
- {name: watched, expression: 'event.device_id in list.watched'}
"""
PARTS = ("schema", "features", "models", "policy")


@pytest.fixture
def config(tmp_path: pathlib.Path) -> pathlib.Path:
    """The definitions of the demo, with features that hang on labels and on a list."""
    folder = tmp_path / "config"
    (folder / "lists").mkdir(parents=True)
    for part in PARTS:
        (folder / f"{part}.yaml").write_text((DEMO_CONFIG / f"{part}.yaml").read_text() + (MORE_FEATURES if part == "features" else ""))
    (folder / "lists" / "watched.txt").write_text("d1\n")
    return folder


class Processes:
    """A system as users run it, whose processes are started again at once, however often they end."""

    def __init__(self, settings: Settings, config: pathlib.Path) -> None:
        self.settings = settings
        self._stack = SoloStack(settings, config)
        self._stack._patience = Patience(map(float, itertools.count(0, int(CALM_SECONDS))).__next__)

    def __enter__(self) -> Self:
        self._stack.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.stop()

    def kill(self, name: str) -> None:
        os.kill(self._stack.process(name).pid, signal.SIGKILL)

    def keep_running(self) -> None:
        self._stack.keep_running()


class Forks:
    """A system whose processes begin again within a moment, since they are forks of one that has loaded everything."""

    def __init__(self, settings: Settings, config: pathlib.Path) -> None:
        self.settings = settings
        self._command = [sys.executable, str(FORKS), str(config), TOKEN]
        self._environment = os.environ | settings_as_environment(settings)

    def __enter__(self) -> Self:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._program = subprocess.Popen(self._command, env=self._environment, **pipes)
        return self

    def __exit__(self, *_: object) -> None:
        self._program.communicate(timeout=60)

    def kill(self, name: str) -> None:
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(f"{name}\n")
        self._program.stdin.flush()
        assert self._program.stdout.readline() == f"{name}\n"

    def keep_running(self) -> None:
        assert self._program.poll() is None


System = Processes | Forks


def settings_in(folder: pathlib.Path) -> Settings:
    [port] = free_ports(1)
    return Settings(runtime="solo", folder=str(folder), api_port=port, metrics_interval_ms=500, archive_interval_ms=1_000)


def until(condition: Callable[[], object], stack: System, seconds_max: float = 600) -> None:
    deadline = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < deadline
        stack.keep_running()
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("system", "kills"),
    [(Forks, 6), pytest.param(Processes, 6, marks=pytest.mark.long), pytest.param(Forks, 200, marks=pytest.mark.deep)],
)
def test_whatever_is_killed_and_when_nothing_is_lost_or_doubled(
    system: type[System], config: pathlib.Path, tmp_path: pathlib.Path, kills: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_TOKEN", TOKEN)
    with system(settings_in(tmp_path / "system"), config) as stack:
        kill_and_compare(stack, config, kills)


def kill_and_compare(stack: System, config: pathlib.Path, kills: int) -> None:
    draw = random.Random(kills)
    policy = (config / "policy.yaml").read_text()
    callers = Callers(stack.settings.api_port, TOKEN, [{"policy": policy.replace("0.985", "0.9")}, {"policy": policy}])
    try:
        for number in range(kills):
            kill_at_some_moment(stack, callers, draw, "side-jobs" if number % 3 == 2 else "api")
        known = len(callers.acknowledged)
        until(lambda: len(callers.acknowledged) >= known + 100 and callers.sent.get("release"), stack)
    finally:
        callers.stop()
    until(lambda: everything_is_delivered(stack.settings, callers.labelled), stack, 1_200)
    outcomes = outcomes_of(stack.settings)
    alone = run_anew(records_of(stack.settings, INPUT))
    assert by_topic(outcomes) == by_topic(alone.outcomes), "the answers are those of a run without kills, in its order"
    names = names_of(outcomes)
    assert callers.acknowledged <= {event_id for event_id, _ in names}
    require_delivered_once(stack.settings, names)
    assert {"add", "label", "correct", "repeat", "retract", "release"} <= set(callers.sent), "every kind of call came between the kills"


def kill_at_some_moment(stack: System, callers: Callers, draw: random.Random, name: str) -> None:
    """Kills the process once some more events were taken, and returns when events are taken again."""
    known, more = len(callers.acknowledged), draw.randrange(10, 200)
    until(lambda: len(callers.acknowledged) >= known + more, stack)
    time.sleep(draw.random() / 10)
    stack.kill(name)
    after = len(callers.acknowledged)
    until(lambda: len(callers.acknowledged) > after + 10, stack)
