"""A model of River that comes while events are decided is rebuilt beside them: the one before scores until it is there."""

import threading
import weakref
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from detectors.catalogue import Scoring, learner_of, score_in_slices
from detectors.learner import Arrays
from detectors.snapshot import Snapshot
from detectors.snapshot_parts import parts_of
from foundation.slices import Slices
from pipeline.control import rebuilding as module
from pipeline.control.rebuilding import rebuilding
from pipeline.engine.definitions.release import compile_release
from pipeline.flink.dict_state import DictState
from pipeline.log.frame import LogRecord
from pipeline.score_job.decode import DecodeStage
from pipeline.solo.stages import Stages
from pipeline.trial.one_process import ControlRecord, OneProcess
from pipeline.wire.bodies import write_raw_record
from pipeline.wire.bundle import write_bundle
from pipeline.wire.declaration import Kind, Topic
from pipeline.wire.frames import read_frames

TEXTS = {
    "schema": "{id: {field: id, type: integer}, time: {field: at}, user: who, fields: {amount: {type: float}}}",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: fraud, kind: river, model: naive_bayes.GaussianNB, inputs: [event.amount]}",
    "policy": "{score: first_ready(fraud), bands: [{action: approve}], fallback: {action: approve}}",
}
MODEL = compile_release(1, TEXTS).models[0]
AT_MS = 1_700_000_000_000


class Gate:
    """Holds the rebuilding of models up in front of each slice until it is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.slices = 0

    def guarded(self, kind: str, arrays: Arrays) -> Slices[Scoring]:
        made = score_in_slices(kind, arrays)
        while True:
            assert self.open.wait(60)
            try:
                next(made)
            except StopIteration as end:
                scoring: Scoring = end.value
                return scoring
            self.slices += 1
            yield


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate()
    monkeypatch.setattr(module, "score_in_slices", made.guarded)
    monkeypatch.setattr(module, "_begun", weakref.WeakValueDictionary())
    yield made
    made.open.set()


def snapshot(sequence: int, arrays: Arrays | None = None) -> Snapshot:
    """What was learned from so many rows of a seed of its own."""
    learner = learner_of(MODEL.model)(len(MODEL.inputs), **MODEL.parameters)
    draw = np.random.default_rng(sequence)
    rows = draw.normal(size=(10 * sequence, 1))
    learner.learn_many(rows, (rows[:, 0] > 0.3).astype(np.float64))
    return Snapshot(MODEL.name, MODEL.definition, sequence, AT_MS, learner.snapshot() | (arrays or {}), MODEL.model)


def records(each: Snapshot) -> list[ControlRecord]:
    return [(Topic.MODEL, key, value) for key, value in parts_of(each)]


def event(id: int) -> bytes:
    return msgspec.json.encode({"id": id, "at": AT_MS + id, "who": "u", "amount": 0.5})


def of_a_job() -> OneProcess:
    """The stages as the score job has them, which have decided an event by the first snapshot."""
    job = OneProcess()
    for stage in (job.decode, job.entity, job.user):
        stage.definitions.compile_beside(defer=True)
    job.release(1, TEXTS)
    job.control(records(snapshot(1)))
    job.events([event(1)])
    return job


def named(job: OneProcess) -> list[object]:
    return [each["models"]["fraud"]["snapshot"] for each in job.decisions()]


def test_events_go_on_by_the_model_before_until_the_newer_one_is_rebuilt(gate: Gate) -> None:
    job = of_a_job()
    assert gate.slices == 0, "what is there before the first event counts from it on"
    second = snapshot(2)
    job.control(records(second))
    job.events([event(2), event(3)])
    gate.open.set()
    scoring = rebuilding(second).result()
    job.events([event(4)])
    assert named(job) == [1, 1, 1, 2]
    assert gate.slices > 0
    assert job.decisions()[-1]["models"]["fraud"]["score"] == scoring.score_many(np.array([[0.5]]))[0]


def test_an_event_that_was_stamped_elsewhere_waits_for_its_model(gate: Gate) -> None:
    job = of_a_job()
    ahead = DecodeStage()  # of another process, which has the model already
    ahead.definitions.take(job.records_of(1, TEXTS))
    job.control(records(snapshot(2)))
    opened = threading.Timer(0.05, gate.open.set)
    opened.start()
    raw = write_bundle(Kind.RAW, [write_raw_record(event(2), 0, 1, 1 << 50)], positions=[2])
    job.arrive([*read_frames(ahead.process(raw))])
    opened.join()
    assert named(job) == [1, 2]


def test_snapshots_that_come_one_after_the_other_count_in_their_order(gate: Gate) -> None:
    job = of_a_job()
    second, third = snapshot(2), snapshot(3)
    job.control(records(second))
    job.control(records(third))
    job.events([event(2)])
    gate.open.set()
    rebuilding(second).result()
    rebuilding(third).result()
    job.events([event(3)])
    assert named(job) == [1, 1, 3]


def test_a_state_that_is_no_model_leaves_the_one_before_in_force(gate: Gate, caplog: pytest.LogCaptureFixture) -> None:
    job = of_a_job()
    gate.open.set()
    bad = snapshot(2, {"state": np.frombuffer(b"\x91\x91\xa4list", np.uint8)})
    job.control(records(bad))
    with pytest.raises(ValueError, match="expected a model of River"):
        rebuilding(bad).result()
    job.events([event(2)])
    job.control(records(third := snapshot(3)))
    rebuilding(third).result()
    job.events([event(3)])
    assert named(job) == [1, 1, 3]
    assert "snapshot 2 of fraud is not in force" in caplog.text


def test_a_model_is_rebuilt_once_for_all_who_ask_and_forgotten_when_nobody_needs_it(gate: Gate) -> None:
    gate.open.set()
    first = rebuilding(snapshot(4))
    assert rebuilding(snapshot(4)) is first
    assert rebuilding(snapshot(5)) is not first
    first.result()
    key = module._key(snapshot(4))
    del first
    assert key not in module._begun


def test_a_solo_system_appends_a_snapshot_once_its_model_is_there(gate: Gate) -> None:
    stages = Stages(DictState(), DictState())
    stages.control(
        [LogRecord(at, 0, "control", key.encode(), value or b"", ()) for at, (_, key, value) in enumerate(OneProcess.records_of(1, TEXTS))]
    )
    stages.events([LogRecord(100, AT_MS, "events", b"u", event(1), ())])
    told = [LogRecord(7, 0, "models", key.encode(), value or b"", ()) for _, key, value in records(snapshot(1))]
    assert not stages.are_ready(told)
    assert not stages.are_ready([])
    gate.open.set()
    rebuilding(snapshot(1)).result()
    slices = gate.slices
    assert stages.are_ready([])
    stages.control([LogRecord(101, 0, *told[0][2:])])
    [decided] = stages.events([LogRecord(102, AT_MS, "events", b"u", event(2), ())]).entries
    assert msgspec.json.decode(decided.value or b"")["models"]["fraud"]["snapshot"] == 1
    assert gate.slices == slices, "it was rebuilt a second time"
