"""A release that comes while events are decided is compiled beside them: the one before stays in force until it is ready."""

import gc
import threading
from collections.abc import Iterator, Mapping

import msgspec
import pytest

from foundation.content_hash import content_hash
from foundation.refusal import Refusal
from foundation.slices import Slices
from pipeline.control import compiling as module
from pipeline.control.compiling import compiling
from pipeline.control.known_releases import KnownReleases
from pipeline.engine.definitions.release import Release, release_in_slices
from pipeline.flink.dict_state import DictState
from pipeline.score_job import decode, entity, user
from pipeline.score_job.decode import DecodeStage
from pipeline.trial.one_process import OneProcess
from pipeline.wire.bodies import write_raw_record
from pipeline.wire.bundle import write_bundle
from pipeline.wire.declaration import Kind
from pipeline.wire.frames import read_frames

TEXTS = {
    "schema": "{id: {field: id, type: integer}, time: {field: at}, user: who, fields: {amount: {type: float}}}",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
    "policy": "{score: first_ready(own), bands: [{action: approve}], fallback: {action: approve}}",
}
AT_MS = 1_700_000_000_000


def texts_with(rule: str) -> dict[str, str]:
    return TEXTS | {"pattern:rule": f"title: {rule}\nowner: tests\nstatus: active\nwhen: event.amount > 1.0\nthen: {{action: review}}\n"}


class Gate:
    """Holds compiling up in front of each slice until it is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.reached = threading.Event()

    def slices(self, id: int, texts: Mapping[str, str]) -> Slices[Release]:
        made = release_in_slices(id, texts)
        while True:
            try:
                next(made)
            except StopIteration as end:
                release: Release = end.value
                return release
            self.reached.set()
            assert self.open.wait(60)
            yield


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate()
    monkeypatch.setattr(module, "release_in_slices", made.slices)
    module._made.clear()
    yield made
    made.open.set()
    module._made.clear()


def event(id: int) -> bytes:
    return msgspec.json.encode({"id": id, "at": AT_MS + id, "who": "u", "amount": 5.0})


def of_a_job() -> OneProcess:
    """The stages as the score job has them."""
    job = OneProcess()
    for stage in (job.decode, job.entity, job.user):
        stage.definitions.compile_beside(defer=True)
    return job


def test_events_go_on_by_the_release_before_until_the_newer_one_is_compiled(gate: Gate) -> None:
    job = of_a_job()
    gate.open.set()
    job.release(1, texts_with("one"))
    job.events([event(1)])
    job.checkpoint()
    gate.open.clear()
    gate.reached.clear()
    job.release(2, texts_with("two"))
    assert gate.reached.wait(60)
    job.events([event(2)])
    gate.open.set()
    compiling(2, parts_of(texts_with("two")), dict).result()
    job.events([event(3)])
    assert [each["release"] for each in job.decisions()] == [1, 1, 2]


def parts_of(texts: Mapping[str, str]) -> dict[str, str]:
    return {part: content_hash(text) for part, text in texts.items()}


def test_what_was_on_the_topic_before_the_first_event_is_in_force_from_the_first_event_on(gate: Gate) -> None:
    gate.open.set()
    job = of_a_job()
    job.release(1, texts_with("one"))
    job.release(2, texts_with("two"))
    job.events([event(1)])
    assert [each["release"] for each in job.decisions()] == [2]


def test_a_stage_waits_for_a_release_that_an_event_is_stamped_with(gate: Gate) -> None:
    gate.open.set()
    job = of_a_job()
    job.release(1, texts_with("one"))
    job.events([event(1)])
    job.checkpoint()
    ahead = DecodeStage()  # of another process, which has compiled it already
    ahead.definitions.take([*job.records_of(1, texts_with("one")), *job.records_of(2, texts_with("two"))])
    gate.open.clear()
    job.release(2, texts_with("two"))
    opened = threading.Timer(0.05, gate.open.set)
    opened.start()
    job.arrive([*read_frames(ahead.process(raw_bundle(event(2))))])
    opened.join()
    assert [each["release"] for each in job.decisions()] == [1, 2]


def raw_bundle(value: bytes) -> bytes:
    return write_bundle(Kind.RAW, [write_raw_record(value, 0, 1, 1 << 50)], positions=[0])


def test_one_release_is_compiled_once_for_all_who_ask(gate: Gate) -> None:
    texts = texts_with("once")
    gate.open.set()
    known = [KnownReleases() for _ in range(3)]
    for each in known:
        each.shared = True
        for _, key, value in OneProcess.records_of(1, texts):
            each.take(key, value)
    rules = [release.rules for each in known if (release := each.newest) is not None]
    assert len(rules) == 3
    assert all(each is rules[0] for each in rules)


def test_a_release_that_does_not_compile_leaves_the_one_before_in_force_also_beside_the_stream(gate: Gate) -> None:
    gate.open.set()
    job = of_a_job()
    job.release(1, texts_with("one"))
    job.events([event(1)])
    bad = TEXTS | {"pattern:rule": "title: x\nowner: tests\nwhen: event.amonut > 1.0\n"}
    job.release(2, bad)
    with pytest.raises(Refusal, match="amonut"):
        compiling(2, parts_of(bad), dict).result()
    job.events([event(2)])
    assert [each["release"] for each in job.decisions()] == [1, 1]


def test_compiling_beside_the_stream_leaves_the_collector_of_garbage_as_it_was(gate: Gate) -> None:
    gate.open.set()
    assert gc.isenabled()
    compiling(7, parts_of(TEXTS), lambda: TEXTS).result()
    assert gc.isenabled()


def test_the_stages_of_the_score_job_compile_beside_the_stream() -> None:
    stages = (decode.make_stage(), entity.make_stage(DictState()), user.make_stage(DictState()))
    assert all(stage.definitions.may_defer for stage in stages)
