"""Features that are scored by their tail probability, of one key or of all events, and models that combine others."""

import json
import pathlib
import random

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.keyed.spot import SPOT
from detectors.missing import are_mostly_missing
from detectors.scores.cauchy_combination import CauchyCombination
from foundation.refusal import Refusal
from pipeline.engine.decisions.explanation import Explanations
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.learning.trainer import ServedDecision, ServedModel, Trainer
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history

START_MS = 1_700_006_400_000
EVENTS = 400
MODELS = """
- {name: own_amount, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}
- {name: shop_pace, kind: feature, of: feature.shop_count_1h, scope: shop, parameters: {grace_period: 20}}
- {name: pace, kind: feature, of: feature.count_1h, publish_every: 10m}
- {name: odd, kind: combine, of: [own_amount, shop_pace, pace], publish_every: 10m}
- {name: told, kind: combine, of: [own_amount, pace], by: cauchy, learns: labels, publish_every: 10m}
"""
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: who\nentities: [shop]\n"
    "fields: {amount: {type: float}}\nlateness: 10m\nlabels: {negative_after: 10m}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n- {name: shop_count_1h, template: count, entity: shop, window: 1h}\n",
    "models": MODELS,
    "policy": "score: first_ready(odd)\nbands: [{below: 0.9, action: approve}, {action: block}]\n",
}


@pytest.fixture(scope="module")
def release() -> Release:
    return compile_release(1, TEXTS)


@pytest.fixture(scope="module")
def replay(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Replay:
    """A replay that was not run: users pay as they do, and one of them, at the end, much and often."""
    draw = random.Random(4)
    events = [
        {"id": id, "at": START_MS + 20_000 * id, "who": f"u{id % 9}", "shop": f"s{id % 2}", "amount": round(draw.gauss(50.0, 5.0), 2)}
        for id in range(EVENTS)
    ]
    burst = [events[-1] | {"id": EVENTS + n, "at": events[-1]["at"] + 1_000 * (n + 1), "amount": 200.0 + n} for n in range(20)]  # type: ignore[operator]  # JSON
    file: pathlib.Path = tmp_path_factory.mktemp("events") / "events.jsonl"
    file.write_text("\n".join(map(json.dumps, [*events, *burst])))
    return Replay(release, read_history([file], release.schema), None)


@pytest.fixture(scope="module")
def scored(replay: Replay) -> dict[str, NDArray[np.float64]]:
    """The raw scores of all events by model, with the inputs of `odd`, and whether contributions explain its scores."""
    found: dict[str, list[NDArray[np.float64]]] = {
        name: [] for name in ("own_amount", "shop_pace", "pace", "odd", "told", "inputs", "sums")
    }
    for verdicts, batch in replay.scored():
        for name, raw in verdicts.models.items():
            found[name].append(raw)
        found["inputs"].append(verdicts.inputs["odd"])
        shares = [each for each in Explanations(verdicts, batch).contributions() if each]
        found["sums"].append(np.array([each.base + sum(getattr(each.inputs, f) for f in each.inputs.__struct_fields__) for each in shares]))  # type: ignore[union-attr]  # those without a score are left out
    return {name: np.concatenate(parts) for name, parts in found.items()}


def test_a_model_of_models_gets_their_raw_scores_and_says_that_a_burst_of_great_payments_is_odd(
    scored: dict[str, NDArray[np.float64]],
) -> None:
    expected = np.column_stack([scored[name] for name in ("own_amount", "shop_pace", "pace")])
    assert np.array_equal(scored["inputs"], expected, equal_nan=True)
    usual, burst = scored["odd"][100:EVENTS], scored["odd"][EVENTS : EVENTS + 5]
    assert not np.isnan(usual).any()
    assert burst.min() > np.quantile(usual, 0.99)


def test_its_score_is_that_of_a_combination_that_saw_the_scores_before_its_snapshot(
    replay: Replay, scored: dict[str, NDArray[np.float64]]
) -> None:
    last = replay.published["odd"]
    before = int(np.searchsorted(START_MS + 20_000 * np.arange(EVENTS), last.event_time_ms))
    alone = CauchyCombination(3)
    alone.learn_many(scored["inputs"][:before][~are_mostly_missing(scored["inputs"][:before])])
    assert np.array_equal(alone.score_many(scored["inputs"])[before:], scored["odd"][before:])


def test_contributions_add_up_to_the_score(scored: dict[str, NDArray[np.float64]]) -> None:
    odd = scored["odd"]
    assert scored["sums"] == pytest.approx(odd[~np.isnan(odd)], rel=1e-9)


def test_a_feature_of_a_key_is_scored_by_the_values_of_that_key(scored: dict[str, NDArray[np.float64]]) -> None:
    assert not np.isnan(scored["shop_pace"]).any()
    alone = np.empty(EVENTS // 2)
    counts = np.minimum(np.arange(EVENTS // 2), 89) + 1.0  # of one shop within an hour, 40 s apart
    detector = SPOT(grace_period=20)
    detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(len(alone), np.int64), counts, alone)
    assert np.array_equal(scored["shop_pace"][:EVENTS:2], alone)
    assert np.ptp(alone) > 0.5


def test_the_learn_job_learns_from_decisions_what_a_replay_does(
    release: Release, replay: Replay, scored: dict[str, NDArray[np.float64]]
) -> None:
    trainer = Trainer()
    trainer.change(release)
    names = [model.name for model in release.models]
    time_ms = replay.published["odd"].event_time_ms
    count = int(np.searchsorted(START_MS + 20_000 * np.arange(EVENTS), time_ms))
    decisions = [
        ServedDecision(
            str(id),
            START_MS + 20_000 * id,
            f"u{id % 9}",
            {},
            {},
            1,
            models={name: ServedModel(None if np.isnan(scored[name][id]) else scored[name][id]) for name in names},
        )
        for id in range(count)
    ]
    trainer.decide(decisions, np.arange(count))
    [snapshot] = [each for each in trainer.snapshots(1) if each.model == "odd"]
    for name, array in replay.published["odd"].arrays.items():
        assert np.array_equal(snapshot.arrays[name], array)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("- {name: odd, kind: combine, of: [own, later]}\n- {name: later, kind: feature, of: event.amount}", "unknown model"),
        ("- {name: odd, kind: combine, of: [own]}", "too few models"),
        ("- {name: odd, kind: combine, of: [own, own]}", "model given twice"),
        ("- {name: odd, kind: feature, of: feature.none}", "unknown feature"),
        ("- {name: odd, kind: combine, of: [own, own], by: fisher}", "fisher"),
        ("- {name: odd, kind: feature, of: event.amount, inputs: [event.amount]}", "inputs"),
    ],
)
def test_what_cannot_be_combined_is_refused_with_its_place(written: str, said: str) -> None:
    own = "- {name: own, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n"
    with pytest.raises(Refusal, match=said) as refused:
        compile_release(1, TEXTS | {"models": own + written, "policy": TEXTS["policy"].replace("odd", "own")})
    assert "models.yaml:2" in str(refused.value)


def test_a_changed_component_makes_the_combination_another_one(release: Release) -> None:
    other = compile_release(2, TEXTS | {"models": MODELS.replace("grace_period: 3", "grace_period: 4")})
    kept, changed = ({model.name: model.definition for model in each.models} for each in (release, other))
    assert kept["pace"] == changed["pace"]
    assert kept["odd"] != changed["odd"]
