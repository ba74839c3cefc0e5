"""Detectors that compare a category of an entity with all: what all do comes by snapshots, which the learn job learns as a replay does."""

import json
import pathlib
import random

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.keyed.category_counts import Population
from detectors.keyed.category_surprise import CategorySurprise
from features.schema.string_hash import words_of
from foundation.refusal import Refusal
from pipeline.engine.decisions.explanation import Explanations
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.learning.trainer import ServedDecision, Trainer
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history

START_MS = 1_700_006_400_000
EVENTS = 300
MODELS = """
- {name: odd_shop, model: anomaly.CategorySurprise, scope: user, inputs: [event.shop], parameters: {grace_period: 5}, publish_every: 10m}
- {name: of_kind, model: anomaly.CategorySurprise, scope: shop, inputs: [event.category], publish_every: 10m, parameters: {grace_period: 5}}
"""
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nentities: [shop]\n"
    "fields: {category: {type: string, retain: true, dimension: true}, note: {type: string}}\nlateness: 10m\n",
    "features": "- {name: shop_count, template: count, entity: shop, window: 1h}\n",
    "models": MODELS,
    "policy": "score: first_ready(odd_shop)\nbands: [{below: 0.9, action: approve}, {action: block}]\n",
}


def event(id: int, draw: random.Random) -> dict[str, object]:
    user = id % 5
    shop = "all" if draw.random() < 0.3 else f"s{user}"
    return {"id": id, "at": START_MS + 10_000 * id, "who": f"u{user}", "shop": shop, "category": f"c{draw.randrange(3)}", "note": "n"}


@pytest.fixture(scope="module")
def events() -> list[dict[str, object]]:
    """Each user pays in a shop of its own and in one where all do, and user 0 at the end in the shop of user 1."""
    draw = random.Random(3)
    given = [event(id, draw) for id in range(EVENTS)]
    return [*given, given[-1] | {"id": EVENTS, "at": START_MS + 10_000 * EVENTS, "who": "u0", "shop": "s1"}]


@pytest.fixture(scope="module")
def release() -> Release:
    return compile_release(1, TEXTS)


@pytest.fixture(scope="module")
def replay(release: Release, events: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory) -> Replay:
    file: pathlib.Path = tmp_path_factory.mktemp("events") / "events.jsonl"
    file.write_text("\n".join(map(json.dumps, events)))
    return Replay(release, read_history([file], release.schema), None)


@pytest.fixture(scope="module")
def reasons() -> list[str]:
    """The reasons of the last event, which `scores` fills."""
    return []


@pytest.fixture(scope="module")
def scores(replay: Replay, reasons: list[str]) -> dict[str, NDArray[np.float64]]:
    found = []
    for verdicts, batch in replay.scored():
        found.append(verdicts.models)
        reasons[:] = Explanations(verdicts, batch).reasons()[-1]
    return {name: np.concatenate([models[name] for models in found]) for name in ("odd_shop", "of_kind")}


def test_a_score_is_that_of_a_detector_with_the_population_of_the_newest_snapshot(
    events: list[dict[str, object]], replay: Replay, scores: dict[str, NDArray[np.float64]]
) -> None:
    for model, kind, field in (("odd_shop", "who", "shop"), ("of_kind", "shop", "category")):
        last = replay.published[model]
        since = int(np.searchsorted([int(str(each["at"])) for each in events], last.event_time_ms))
        population = Population(last.arrays)
        assert population.total == since
        detector = CategorySurprise(grace_period=5)
        for key in {str(each[kind]) for each in events}:
            mine = [at for at, each in enumerate(events) if each[kind] == key]
            words = words_of([str(events[at][field]) for at in mine], len(mine))
            out, late = np.empty(len(mine)), [place for place, at in enumerate(mine) if at >= since]
            detector.score_learn_among(np.zeros((1, detector.width)), np.zeros(len(mine), np.int64), words, out, population)
            assert np.array_equal(out[late], scores[model][[mine[place] for place in late]])


def test_another_ones_shop_is_strange_and_the_shop_of_all_is_not(scores: dict[str, NDArray[np.float64]], reasons: list[str]) -> None:
    assert scores["odd_shop"][EVENTS] > 0.9
    assert reasons == ["shop: s1; unusual for this who"]
    assert np.quantile(scores["odd_shop"][150:EVENTS], 0.9) < 0.7


def test_the_learn_job_counts_decisions_as_a_replay_counts_events(
    release: Release, events: list[dict[str, object]], replay: Replay, scores: dict[str, NDArray[np.float64]]
) -> None:
    assert len(scores["odd_shop"]) == len(events)
    trainer, again = Trainer(), Trainer()
    time_ms = replay.published["odd_shop"].event_time_ms
    served = [
        ServedDecision(
            str(each["id"]),
            int(str(each["at"])),
            str(each["who"]),
            {},
            {},
            1,
            entities={"shop": str(each["shop"])},
            dimensions={"category": str(each["category"])},
        )
        for each in events
        if int(str(each["at"])) < time_ms
    ]
    half = len(served) // 2
    trainer.change(release)
    trainer.decide(served[:half], np.arange(half))
    again.change(release)
    again.resume(trainer.states(1), trainer.clock_ms)
    again.decide(served[:half], np.arange(half), refill=True)
    again.decide(served[half:], np.arange(half, len(served)))
    made = {snapshot.model: snapshot.arrays for snapshot in again.snapshots(2)}
    for name in ("odd_shop", "of_kind"):
        assert {key: array.tobytes() for key, array in made[name].items()} == {
            key: array.tobytes() for key, array in replay.published[name].arrays.items()
        }


@pytest.mark.parametrize("field", ["event.note", "event.who", "feature.shop_count", "event.nothing"])
def test_what_decisions_do_not_carry_is_no_category(field: str) -> None:
    with pytest.raises(Refusal, match="not a category"):
        compile_release(1, TEXTS | {"models": MODELS.replace("event.shop]", f"{field}]")})
