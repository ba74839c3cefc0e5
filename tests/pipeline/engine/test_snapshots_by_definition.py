"""A rollback finds the snapshots of the definition that it brings back."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from imitation import ControlRecord, Imitation

from detectors.snapshot import Snapshot
from detectors.snapshot_parts import PART_BYTES_MAX, parts_of
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.learning.trainer import ServedDecision, Trainer

TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nentities: []\n"
    "fields: {amount: {type: decimal, scale: 2, retain: true}}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, inputs: [event.amount], parameters: {seed: 1}}\n",
    "policy": "score: first_ready(shape)\nbands: [{below: 0.9, action: approve}, {action: block}]\nfallback: {action: review}\n",
}
OTHER = TEXTS | {"models": TEXTS["models"].replace("seed: 1", "seed: 2")}


def snapshot_of(release: Release, sequence: int) -> Snapshot:
    """A snapshot that has learned a little."""
    trainer = Trainer()
    trainer.change(release)
    served = [ServedDecision(str(id), id, "u", {"amount": float(id % 17)}, {"count_1h": 1.0}, 1) for id in range(300)]
    trainer.decide(served, np.arange(300))
    [snapshot] = trainer.snapshots(sequence)
    return snapshot


def records_of(release: Release, sequence: int, part_bytes: int = PART_BYTES_MAX) -> list[ControlRecord]:
    """A snapshot as the learn job publishes it."""
    return [("m", key, value) for key, value in parts_of(snapshot_of(release, sequence), part_bytes)]


def scores(job: Imitation, id: int) -> tuple[object, object]:
    """Score of the next event, and the number of the snapshot that gave it."""
    job.events([msgspec.json.encode({"id": id, "at": 1_700_000_000_000 + id, "who": "u", "amount": 1.5})])
    model = job.decisions()[-1]["models"]["shape"]  # type: ignore[index]
    return model["score"], model["snapshot"]


@pytest.fixture
def records() -> list[ControlRecord]:
    """Two definitions of a model one after the other, each with a snapshot of its own."""
    return [
        *Imitation.records_of(1, TEXTS),
        *records_of(compile_release(1, TEXTS), 7),
        *Imitation.records_of(2, OTHER),
        *records_of(compile_release(2, OTHER), 8),
    ]


def test_a_release_that_brings_an_earlier_definition_back_scores_at_once_by_its_snapshot(records: list[ControlRecord]) -> None:
    job = Imitation()
    job.control(records[:-1])
    job.control(records[-1:])
    assert scores(job, 1)[1] == 8
    job.release(3, TEXTS)
    assert scores(job, 2)[1] == 7


def test_so_it_does_after_a_restart(records: list[ControlRecord]) -> None:
    job = Imitation()
    job.control([*records, *Imitation.records_of(3, TEXTS)])
    assert scores(job, 1)[1] == 7


def test_an_event_that_was_stamped_before_the_change_is_scored_by_the_snapshot_of_its_own_definition(records: list[ControlRecord]) -> None:
    job = Imitation()
    job.control(records[:6])
    on_their_way = job.stamp([msgspec.json.encode({"id": 1, "at": 1_700_000_000_000, "who": "u", "amount": 1.5})])
    restored = Imitation()
    restored.control(records)
    restored.arrive(on_their_way)
    assert restored.decisions()[-1]["models"]["shape"]["snapshot"] == 7  # type: ignore[index]


def test_a_snapshot_that_was_taken_away_scores_no_longer(records: list[ControlRecord]) -> None:
    job = Imitation()
    job.control(records)
    job.control([("m", records[-1][1], None)])
    assert scores(job, 1) == (None, None)


def test_an_older_snapshot_of_the_same_definition_does_not_come_back(records: list[ControlRecord]) -> None:
    job = Imitation()
    job.control(records)
    job.control(records_of(compile_release(2, OTHER), 3))
    assert scores(job, 1)[1] == 8


def test_a_snapshot_in_parts_scores_once_all_of_them_are_there(records: list[ControlRecord]) -> None:
    job = Imitation()
    job.control(records)
    parts = records_of(compile_release(2, OTHER), 9, part_bytes=1_000)
    assert len(parts) > 3
    job.control([*parts[1:], ("m", "shape/x/9/1", b"no part"), parts[2]])
    assert scores(job, 1)[1] == 8
    job.control(parts[:1])
    assert scores(job, 2)[1] == 9


def test_a_snapshot_that_an_older_version_published_still_scores() -> None:
    release, job = compile_release(1, TEXTS), Imitation()
    whole = msgspec.msgpack.decode(snapshot_of(release, 7).encode())
    before = msgspec.msgpack.encode([1, *whole[1:6]])
    job.control([*Imitation.records_of(1, TEXTS), ("m", f"shape/{release.models[0].definition}", before)])
    assert scores(job, 1)[1] == 7


def test_a_snapshot_of_another_kind_or_with_a_strange_array_does_not_score() -> None:
    release, job = compile_release(1, TEXTS), Imitation()
    job.release(1, TEXTS)
    good = snapshot_of(release, 7)
    for sequence, spoiled in enumerate(
        (
            replace(good, kind="linear_model.LogisticRegression"),
            replace(good, arrays=good.arrays | {"strange": np.zeros(1)}),
            replace(good, arrays=good.arrays | {"threshold": np.zeros(1)}),
        ),
        8,
    ):
        job.control([("m", key, value) for key, value in parts_of(replace(spoiled, sequence=sequence))])
    assert scores(job, 1) == (None, None)
    with_a_map = replace(good, arrays=good.arrays | {"another.knots": np.zeros(3)}, sequence=11)
    job.control([("m", key, value) for key, value in parts_of(with_a_map)])
    assert scores(job, 2)[1] == 11


def test_a_repeated_event_is_answered_while_the_changed_model_that_decided_it_has_no_snapshot(records: list[ControlRecord]) -> None:
    """Its first decision was made by a model that has no score now: there is nothing to explain anew."""
    two = {"models": TEXTS["models"].replace("inputs: [event.amount]", "inputs: [event.amount, feature.count_1h]")}
    release, job = compile_release(1, TEXTS | two), Imitation()
    job.control([*Imitation.records_of(1, TEXTS | two), *records_of(release, 7)])
    payment = msgspec.json.encode({"id": 1, "at": 1_700_000_000_000, "who": "u", "amount": 1.5})
    job.events([payment], reply="api-1")
    job.release(2, TEXTS | two | {"models": two["models"].replace("seed: 1", "seed: 2")})
    job.events([payment], reply="api-1")
    first, again = (msgspec.json.decode(value) for _, value in job.out["R"])
    assert job.out.get("X") is None
    assert (again["score"], again["flags"]) == (first["score"], ["duplicate"])
