"""A solo system is killed under load: nothing is lost, nothing comes twice, and answers are those of a run without kills."""

import itertools
import os
import pathlib
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec
import pytest
from solo_callers import Callers

from deploy.command import DEMO_CONFIG
from deploy.local.solo_stack import SoloStack
from deploy.machine.patience import CALM_SECONDS, Patience
from deploy.machine.ports import free_ports
from foundation.settings import Settings
from patterns.entries import Change, read_record
from pipeline.flink.dict_state import DictState
from pipeline.log.frame import LogRecord
from pipeline.log.log_folder import INPUT, LOGS, OUTPUT, SIDE
from pipeline.log.reader import LogReader
from pipeline.log.segments import Segments
from pipeline.solo.stages import CONTROL_TOPICS, TOLD_TOPICS, Stages
from stores.archive.archive import open_archive
from stores.archive.archive_rows import Kind

TOKEN = "the-token-of-a-system-that-is-killed"
MORE_FEATURES = """
- {name: terminal_risk, template: label_rate, entity: terminal_id, window: {length: 1d, delay: 1s}}
- {name: watched, expression: 'event.device_id in list.watched'}
"""
PARTS = ("schema", "features", "models", "policy")
Outcomes = list[tuple[str, bytes, object]]
"""Topic, key and value of records, without the fields that say when they were made."""


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
    callers = Callers(stack.settings.api_port, TOKEN, [{"policy": policy}, {"policy": policy.replace("0.985", "0.9")}])
    try:
        for number in range(kills):
            kill_at_some_moment(stack, callers, draw, "side-jobs" if number % 3 == 2 else "api")
        known = len(callers.acknowledged)
        until(lambda: len(callers.acknowledged) >= known + 100, stack)
    finally:
        callers.stop()
    until(lambda: everything_is_delivered(stack.settings, callers), stack, 600)
    came = records_of(stack.settings, INPUT)
    outcomes = [told(record) for record in records_of(stack.settings, OUTPUT) if record.topic in ("decisions", "late", "dead-letters")]
    assert outcomes == decided_anew(came), "the answers are those of a run without kills, in its order"
    decided = [value for topic, _, value in outcomes if topic == "decisions"]
    names = [(each["event_id"], each["revision"]) for each in decided]
    assert len(set(names)) == len(names)
    assert callers.acknowledged <= {event_id for event_id, _ in names}
    assert sorted(stored_in(stack.settings.path("decisions.db"))) == sorted(names)
    require_all_archived_once(stack.settings)
    assert sum(counted(stack.settings).values()) == len(names)
    assert {"add", "label", "correct", "repeat", "retract", "release"} <= set(callers.sent), "every kind of call came between the kills"
    assert {0, 1} <= {each["features"]["watched"] for each in decided}, "entries came and went between the kills"
    print(f"{kills} kills, {len(came)} records, {len(outcomes)} outcomes, {dict(callers.sent)}")


def kill_at_some_moment(stack: SoloStack, callers: Callers, draw: random.Random, name: str) -> None:
    """Kills the process once some more events were taken, and returns when events are taken again."""
    known, more = len(callers.acknowledged), draw.randrange(10, 200)
    until(lambda: len(callers.acknowledged) >= known + more, stack)
    time.sleep(draw.random() / 10)
    os.kill(stack.process(name).pid, signal.SIGKILL)
    after = len(callers.acknowledged)
    until(lambda: len(callers.acknowledged) > after + 10, stack)


def everything_is_delivered(settings: Settings, callers: Callers) -> bool:
    """Whether each label has reached the profiles, and each record the stores and the archive."""
    came = records_of(settings, INPUT)
    resolved = {msgspec.json.decode(record.value)["event_id"] for record in came if record.topic == "labels-resolved"}
    dead = {str(msgspec.json.decode(each["value"])["event_id"]) for each in dead_labels(settings)}
    decided = sum(record.topic == "decisions" for record in records_of(settings, OUTPUT))
    archived = all(len(archived_offsets(settings, kind)) >= len(offsets_of(settings, kind)) for kind in ("events", "labels", "decisions"))
    is_stored = len(stored_in(settings.path("decisions.db"))) >= decided <= sum(counted(settings).values())
    return callers.labelled <= resolved | dead and is_stored and archived


def dead_labels(settings: Settings) -> list[dict[str, object]]:
    """Letters of labels, with their original bytes: those of retracted events."""
    letters = [msgspec.json.decode(record.value) for record in records_of(settings, SIDE) if record.topic == "dead-letters"]
    return [letter | {"value": msgspec.convert(letter["value"], bytes, strict=False)} for letter in letters]


def records_of(settings: Settings, log: str) -> list[LogRecord]:
    segments, found = Segments(settings.path(*LOGS) / log), []
    segments.refresh()
    reader = LogReader(segments, {topic for segment in segments.all for topic in segment.lasts})
    while records := reader.read(1_000):
        found += records
    segments.close()
    return found


class EntriesSoFar:
    """Gives the entries of lists that stand before the events that are decided next."""

    def __init__(self) -> None:
        self.waiting: list[Change] = []

    def start(self) -> None:
        pass

    def take(self) -> list[Change]:
        taken, self.waiting = self.waiting, []
        return taken


def decided_anew(records: Sequence[LogRecord]) -> Outcomes:
    """What stages say that take in the whole log, in one process that nobody kills."""
    entries = EntriesSoFar()
    stages, outcomes = Stages(DictState(), DictState(), clock=lambda: 0.0, entries=entries), []
    for topic, run in itertools.groupby(records, key=lambda record: record.topic):
        part = list(run)
        if topic in CONTROL_TOPICS:
            stages.control(part)
        elif topic in TOLD_TOPICS:
            outcomes += [told(entry) for entry in stages.told(topic, part).entries]
        elif topic == "events":
            outcomes += [told(entry) for entry in stages.events(part).entries]
        elif topic == "entries":
            changes = (read_record(record.key, record.value, record.ordinal).change for record in part)
            entries.waiting += [change for change in changes if change is not None]
    return outcomes


def told(record) -> tuple[str, bytes, object]:
    value = msgspec.json.decode(record.value or b"")
    value.pop("processed_at", None), value.pop("latency_ms", None)
    return record.topic, record.key, value


def stored_in(path: pathlib.Path) -> list[tuple[str, int]]:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return connection.execute("select event_id, revision from decision").fetchall()
    finally:
        connection.close()


def offsets_of(settings: Settings, kind: Kind) -> list[int]:
    return [record.ordinal for record in records_of(settings, OUTPUT if kind == "decisions" else INPUT) if record.topic == kind]


def archived_offsets(settings: Settings, kind: Kind) -> list[int]:
    tables = open_archive(settings.archive_place()).read(kind, columns=("offset",))
    return sorted(offset for table in tables for offset in table["offset"].to_pylist())


def require_all_archived_once(settings: Settings) -> None:
    for kind in ("events", "labels", "decisions"):
        times = Counter(archived_offsets(settings, kind))
        assert {offset: count for offset, count in times.items() if count > 1} == {}, f"{kind} that are in the archive twice"
        assert sorted(times) == offsets_of(settings, kind), kind


def counted(settings: Settings) -> dict[bool, int]:
    """How many decisions the rows of metrics count, by whether they revise others."""
    counts: Counter[bool] = Counter()
    for record in records_of(settings, SIDE):
        if record.topic == "metrics" and (row := msgspec.json.decode(record.value))["metric"] == "decisions":
            counts[row.get("revised", False)] += row["count"]
    return counts
