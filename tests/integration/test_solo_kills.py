"""A solo system whose processes are killed under load: each acknowledged event has one decision, the one of a run without kills."""

import http.client
import itertools
import json
import os
import pathlib
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import msgspec
import pytest

from deploy.command import DEMO_CONFIG
from deploy.local.solo_stack import SoloStack
from deploy.machine.ports import free_ports
from foundation.settings import Settings
from pipeline.flink.dict_state import DictState
from pipeline.log.frame import LogRecord
from pipeline.log.log_folder import INPUT, LOGS, OUTPUT
from pipeline.log.reader import LogReader
from pipeline.log.segments import Segments
from pipeline.solo.stages import CONTROL_TOPICS, TOLD_TOPICS, Stages

TOKEN = "the-token-of-a-system-that-is-killed"
CALLERS = 4


class Callers:
    """Threads that send events, each again until it is acknowledged; `acknowledged` holds their ids."""

    def __init__(self, port: int) -> None:
        self.acknowledged: set[str] = set()
        self._port = port
        self._begun_ms = int(time.time() * 1000)
        self._numbers = itertools.count()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(random.Random(number),)) for number in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, draw: random.Random) -> None:
        while not self._stopping.is_set():
            number = next(self._numbers)
            event = {"payment_id": self._begun_ms + number, "at": self._begun_ms + number, "customer_id": f"c{draw.randrange(30)}"}
            event |= {"terminal_id": f"t{draw.randrange(9)}", "device_id": "d1", "amount": draw.randrange(100, 90_000) / 100}
            event |= {"currency": "EUR", "merchant_category": "books"}
            while not self._is_taken(json.dumps(event), draw.choice(["/v1/events", "/v1/decisions?deadline_ms=9000"])):
                if self._stopping.wait(0.05):
                    return
            self.acknowledged.add(str(event["payment_id"]))

    def _is_taken(self, body: str, path: str) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.request("POST", path, body, {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"})
            answer = connection.getresponse()
            said = answer.read()
            return answer.status == 202 or (answer.status == 200 and "degraded" not in json.loads(said)["flags"])
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@pytest.fixture
def stack(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoloStack]:
    monkeypatch.setenv("WEIR_TOKEN", TOKEN)
    [port] = free_ports(1)
    with SoloStack(Settings(runtime="solo", folder=str(tmp_path), api_port=port, metrics_interval_ms=500), DEMO_CONFIG) as running:
        yield running


def until(condition: Callable[[], object], stack: SoloStack, seconds_max: float = 180) -> None:
    deadline = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < deadline
        stack.keep_running()
        time.sleep(0.1)


@pytest.mark.parametrize("kills", [4, pytest.param(200, marks=pytest.mark.deep)])
def test_whatever_is_killed_and_when_nothing_is_lost_or_doubled(stack: SoloStack, kills: int) -> None:
    draw = random.Random(kills)
    callers = Callers(stack.settings.api_port)
    try:
        for number in range(kills):
            known = len(callers.acknowledged)
            until(lambda known=known: len(callers.acknowledged) >= known + draw.randrange(20, 400), stack)  # type: ignore[misc]
            os.kill(stack.process("side-jobs" if number % 4 == 3 else "api").pid, signal.SIGKILL)
            until(lambda known=known: len(callers.acknowledged) > known, stack)  # type: ignore[misc]
        known = len(callers.acknowledged)
        until(lambda: len(callers.acknowledged) >= known + 100, stack)
    finally:
        callers.stop()
    folder = stack.settings.path(*LOGS)
    expected = [each for each in decided_anew(records_of(folder / INPUT)) if each["event_id"] in callers.acknowledged]
    until(lambda: len(stored_in(stack.settings.path("decisions.db"))) >= len(callers.acknowledged), stack)
    outcomes = [without_times(record.value) for record in records_of(folder / OUTPUT) if record.topic == "decisions"]
    assert outcomes == decided_anew(records_of(folder / INPUT))
    assert len({each["event_id"] for each in outcomes}) == len(outcomes)
    assert {each["event_id"] for each in expected} == callers.acknowledged
    assert callers.acknowledged <= set(stored_in(stack.settings.path("decisions.db")))


def records_of(folder: pathlib.Path) -> list[LogRecord]:
    segments, found = Segments(folder), []
    segments.refresh()
    reader = LogReader(segments, {topic for segment in segments.all for topic in segment.lasts})
    while records := reader.read(1_000):
        found += records
    return found


def decided_anew(records: Sequence[LogRecord]) -> list[dict[str, object]]:
    """The decisions of stages that take in the whole log at once."""
    stages, decisions = Stages(DictState(), DictState(), clock=lambda: 0.0), []
    for topic, run in itertools.groupby(records, key=lambda record: record.topic):
        part = list(run)
        if topic in CONTROL_TOPICS:
            stages.control(part)
        elif topic in TOLD_TOPICS:
            stages.told(topic, part)
        elif topic == "events":
            decisions += [without_times(entry.value) for entry in stages.events(part).entries if entry.topic == "decisions"]
    return decisions


def without_times(value: bytes | None) -> dict[str, object]:
    decision = msgspec.json.decode(value or b"")
    del decision["processed_at"], decision["latency_ms"]
    return decision


def stored_in(path: pathlib.Path) -> list[str]:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return [str(row[0]) for row in connection.execute("select event_id from decision")]
    finally:
        connection.close()
