"""A solo system is killed under load: nothing is lost, nothing comes twice, and answers are those of a run without kills."""

import itertools
import os
import pathlib
import random
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from solo_callers import Callers
from solo_folder import by_topic, everything_is_delivered, names_of, outcomes_of, records_of, require_delivered_once, run_anew

from deploy.command import DEMO_CONFIG
from deploy.local.solo_stack import SoloStack
from deploy.machine.patience import CALM_SECONDS, Patience
from deploy.machine.ports import free_ports
from foundation.settings import Settings
from pipeline.log.log_folder import INPUT

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


@pytest.fixture
def stack(tmp_path: pathlib.Path, config: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoloStack]:
    """A system whose processes are started again at once, however often they end."""
    monkeypatch.setenv("WEIR_TOKEN", TOKEN)
    [port] = free_ports(1)
    chosen = {"metrics_interval_ms": 500, "archive_interval_ms": 1_000}
    running = SoloStack(Settings(runtime="solo", folder=str(tmp_path / "system"), api_port=port, **chosen), config)
    running._patience = Patience(map(float, itertools.count(0, int(CALM_SECONDS))).__next__)
    with running:
        yield running


def until(condition: Callable[[], object], stack: SoloStack, seconds_max: float = 180) -> None:
    deadline = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < deadline
        stack.keep_running()
        time.sleep(0.05)


@pytest.mark.parametrize("kills", [6, pytest.param(200, marks=pytest.mark.deep)])
def test_whatever_is_killed_and_when_nothing_is_lost_or_doubled(stack: SoloStack, config: pathlib.Path, kills: int) -> None:
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
    until(lambda: everything_is_delivered(stack.settings, callers.labelled), stack, 600)
    outcomes = outcomes_of(stack.settings)
    alone = run_anew(records_of(stack.settings, INPUT))
    assert by_topic(outcomes) == by_topic(alone.outcomes), "the answers are those of a run without kills, in its order"
    names = names_of(outcomes)
    assert callers.acknowledged <= {event_id for event_id, _ in names}
    require_delivered_once(stack.settings, names)
    assert {"add", "label", "correct", "repeat", "retract", "release"} <= set(callers.sent), "every kind of call came between the kills"


def kill_at_some_moment(stack: SoloStack, callers: Callers, draw: random.Random, name: str) -> None:
    """Kills the process once some more events were taken, and returns when events are taken again."""
    known, more = len(callers.acknowledged), draw.randrange(10, 200)
    until(lambda: len(callers.acknowledged) >= known + more, stack)
    time.sleep(draw.random() / 10)
    os.kill(stack.process(name).pid, signal.SIGKILL)
    after = len(callers.acknowledged)
    until(lambda: len(callers.acknowledged) > after + 10, stack)
