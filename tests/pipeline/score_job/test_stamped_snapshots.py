"""An event is scored by the snapshots that were whole when it was decoded, whatever has come by the time at which it is decided."""

import functools
import random
from dataclasses import replace

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from imitation import ControlRecord, Imitation

from detectors.scores.score_map import COUNT_MIN, ScoreMap
from detectors.snapshot import Snapshot
from detectors.snapshot_parts import parts_of
from pipeline.engine.definitions.release import compile_release
from pipeline.trial.one_process import Frame
from pipeline.wire.bodies import write_control_record
from pipeline.wire.bundle import write_bundle
from pipeline.wire.declaration import ANY_SNAPSHOTS, STAMPED, Kind, Tag

START_MS = 1_700_000_000_000
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nentities: []\n"
    "fields: {amount: {type: decimal, scale: 2, retain: true}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: fraud, kind: river, model: linear_model.LogisticRegression, learns: labels, inputs: [event.amount]}\n"
    "- {name: other, kind: river, model: linear_model.LogisticRegression, learns: labels, inputs: [event.amount, feature.count_1h]}\n",
    "policy": "score: first_ready(fraud, other)\nbands: [{below: 0.6, action: approve}, {action: block}]\nfallback: {action: review}\n",
}


@functools.cache
def definition(model: str) -> str:
    return next(each.definition for each in compile_release(1, TEXTS).models if each.name == model)


def snapshot(sequence: int, model: str = "fraud") -> Snapshot:
    """One whose scores tell its number."""
    inputs = 1 if model == "fraud" else 2
    arrays = {
        "weights": np.full(inputs, sequence / 10),
        "figures": np.tile([1.0, 0.0, 1.0], (inputs, 1)),
        "intercept": np.array([sequence / 100]),
        "clip_input": np.array([1e12]),
    }
    return Snapshot(model, definition(model), sequence, START_MS, arrays, "linear_model.LogisticRegression")


def published(sequence: int, model: str = "fraud", part_bytes: int = 1 << 19) -> list[ControlRecord]:
    return [("m", key, value) for key, value in parts_of(snapshot(sequence, model), part_bytes)]


def gone(sequence: int, model: str = "fraud") -> list[ControlRecord]:
    return [("m", key, None) for key, _ in parts_of(snapshot(sequence, model))]


def event(id: int, **more: object) -> bytes:
    return msgspec.json.encode({"id": id, "at": START_MS + id, "who": f"u{id % 3}", "amount": 1.0 + id % 5} | more)


def numbers(job: Imitation, model: str = "fraud") -> list[int | None]:
    """The snapshot behind each decision, in the order of decisions."""
    return [decision["models"][model]["snapshot"] for decision in job.decisions()]  # type: ignore[index]


@pytest.fixture
def job() -> Imitation:
    job = Imitation()
    job.release(1, TEXTS)
    return job


def test_an_event_on_its_way_is_scored_by_the_snapshot_that_was_whole_when_it_was_stamped(job: Imitation) -> None:
    job.control(published(1))
    on_their_way = job.stamp([event(1)])
    job.control(published(2))
    job.events([event(2)])
    job.arrive(on_their_way)
    assert numbers(job) == [2, 1]


def test_an_event_that_was_stamped_before_the_first_snapshot_has_no_score(job: Imitation) -> None:
    on_their_way = job.stamp([event(1)])
    job.control(published(1))
    job.arrive(on_their_way)
    assert numbers(job) == [None]
    assert job.decisions()[0]["score"] is None


def test_an_event_between_the_parts_of_a_snapshot_is_scored_by_the_one_before_it(job: Imitation) -> None:
    job.control(published(1))
    first, *rest = published(2, part_bytes=100)
    job.control([first])
    on_their_way = job.stamp([event(1)])
    job.control(rest)
    job.arrive(on_their_way)
    assert numbers(job) == [1]


def test_an_event_of_a_savepoint_from_before_snapshots_were_stamped_is_scored_by_the_newest(job: Imitation) -> None:
    job.control(published(1))
    [(tag, user, payload)] = job.stamp([event(1)])
    at = STAMPED.at("snapshots")
    job.control(published(2))
    job.arrive([(tag, user, payload[:at] + ANY_SNAPSHOTS.to_bytes(8, "little", signed=True) + payload[at + 8 :])])
    assert numbers(job) == [2]


def test_what_a_restart_gives_back_in_another_order_leaves_each_event_its_snapshot(job: Imitation) -> None:
    records = [*Imitation.records_of(1, TEXTS), *published(1), *published(2), *published(1, "other"), *published(2, "other")]
    job.control(records[:-3])
    on_their_way = job.stamp([event(1)])
    job.control(records[-3:])
    job.arrive(on_their_way)
    restored = Imitation()
    topic_m = [record for record in records if record[0] == "m"]
    shuffled = [(record, 1 + topic_m.index(record)) for record in sorted(topic_m, reverse=True)]
    for (topic, key, value), position in [((*record,), -1) for record in records if record[0] == "c"] + shuffled:
        bundle = write_bundle(Kind.CONTROL, [write_control_record(topic, key.encode(), value)], positions=[position])
        for stage in (restored.decode, restored.entity, restored.user):
            stage.process(bundle)
    restored.arrive(on_their_way)
    assert restored.decisions() == job.decisions()
    assert (numbers(restored), numbers(restored, "other")) == ([1], [None])


@pytest.mark.slow
@settings(max_examples=examples(40))
@given(st.randoms(use_true_random=False))
def test_any_mixture_of_stamps_in_a_bundle_gives_each_event_what_its_own_snapshots_alone_give(draw: random.Random) -> None:
    """Events that wait come late and mixed, some of one user; each decision must be that of a job that stopped reading at its stamp."""
    job, frames = Imitation(), []
    job.release(1, TEXTS)
    expected: dict[int, tuple[int | None, int | None]] = {}
    state: dict[str, int | None] = {"fraud": None, "other": None}
    for id in range(60):
        if draw.random() < 0.3:
            model = draw.choice(list(state))
            state[model] = (state[model] or 0) + 1
            job.control(published(state[model] or 0, model, draw.choice([120, 1 << 19])))
        frames += job.stamp([event(id, **({"op": "correct"} if draw.random() < 0.1 else {}))])
        expected[id] = state["fraud"], state["other"]
    frames = [frame for frame in frames if frame[0] == Tag.EVENT]
    by_user: dict[str, list[Frame]] = {user: [frame for frame in frames if frame[1] == user] for _, user, _ in frames}
    mixed = [by_user[user].pop(0) for user in draw.sample([frame[1] for frame in frames], len(frames))]
    while mixed:
        cut = draw.randrange(1, 30)
        job.arrive(mixed[:cut])
        del mixed[:cut]
    made = job.decisions()
    assert {int(each["event_id"]): _snapshots(each) for each in made} == {
        id: expected[id] for id in (int(each["event_id"]) for each in made)
    }
    for each in made:
        _check(each)


def _snapshots(decision: dict) -> tuple[int | None, int | None]:
    return decision["models"]["fraud"]["snapshot"], decision["models"]["other"]["snapshot"]


def _check(decision: dict) -> None:
    """Scores and contributions are those of the snapshots that the decision names, worked out without the engine."""
    for model, inputs in (
        ("fraud", [decision["event"]["amount"]]),
        ("other", [decision["event"]["amount"], decision["features"]["count_1h"]]),
    ):
        said = decision["models"][model]
        if said["snapshot"] is None:
            assert said["score"] is None
            continue
        odds = said["snapshot"] / 100 + sum(said["snapshot"] / 10 * value for value in inputs)
        assert said["score"] == pytest.approx(1 / (1 + np.exp(-odds)), rel=1e-12)
        if decision["contributions"].get("model") == model:
            whole = decision["contributions"]["base"] + sum(decision["contributions"]["inputs"].values())
            assert whole == pytest.approx(odds, rel=1e-12)


def test_a_replaced_snapshot_that_was_let_go_and_one_that_was_replaced_are_told_apart(job: Imitation) -> None:
    job.control([*published(1), *published(2)])
    job.control(gone(1))
    job.events([event(1)])
    job.control(gone(2))
    job.events([event(2)])
    assert numbers(job) == [2, None]


def test_snapshots_of_one_definition_count_by_number_where_a_writer_sends_an_older_one_late(job: Imitation) -> None:
    job.control(published(5))
    job.control(published(3))
    job.events([event(1)])
    assert numbers(job) == [5]


def test_a_snapshot_that_does_not_fit_its_model_leaves_the_one_before_in_force(job: Imitation) -> None:
    job.control(published(1))
    spoiled = replace(snapshot(2), arrays=snapshot(2, "other").arrays)
    job.control([("m", key, value) for key, value in parts_of(spoiled)])
    job.events([event(1)])
    assert numbers(job) == [1]


def test_on_the_stable_scale_each_event_has_map_and_flag_of_its_own_snapshot() -> None:
    texts = TEXTS | {"policy": "scale: stable\n" + TEXTS["policy"]}
    job = Imitation()
    job.release(1, texts)

    def mapped(sequence: int, count: int) -> list[ControlRecord]:
        """A map that turns every raw score into one that tells its number."""
        arrays = ScoreMap(np.array([0.0, 1.0]), np.full(2, sequence / 10), count).arrays()
        whole = replace(snapshot(sequence), arrays=snapshot(sequence).arrays | {f"scale.{name}": array for name, array in arrays.items()})
        return [("m", key, value) for key, value in parts_of(whole)]

    before = job.stamp([event(0)])
    job.control(mapped(1, COUNT_MIN))
    first = job.stamp([event(1)])
    job.control(mapped(2, COUNT_MIN - 1))
    job.arrive([*before, *first, *job.stamp([event(2)])])
    assert [decision["score"] for decision in job.decisions()] == [None, 0.1, 0.2]
    assert numbers(job) == [None, 1, 2]
    assert ["warming" in decision["flags"] for decision in job.decisions()] == [True, False, True]  # type: ignore[operator]
