"""Boosted trees are fitted anew at their cadence, to labels that are known by then, and to no others."""

import re

import numpy as np
import pytest

from detectors.learner import Arrays
from foundation.refusal import Refusal
from pipeline.engine.definitions.boosted_model import Boosted
from pipeline.engine.definitions.release import compile_release
from pipeline.engine.learners.fitted_trees import POSITIVES_MIN, FittedTrees, LabelledRows
from pipeline.engine.learners.learner import Learners
from pipeline.engine.learners.lessons import Lessons

DAY_MS = 86_400_000
START_MS = 1_700_006_400_000 // DAY_MS * DAY_MS
MODELS = "- {name: trees, kind: boosted, retrain: 2d, inputs: [event.amount, feature.spent]}\n"
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: u\nfields: {amount: {type: decimal, retain: true}}\n"
    "labels: {negative_after: 1d}\n",
    "features": "- {name: spent, template: sum, value: event.amount, window: 1h}\n",
    "models": MODELS,
    "policy": "score: first_ready(trees)\nbands: [{below: 0.9, action: approve}, {action: block}]\n",
}
NO_TREES: Arrays = {
    "borders": np.array([1.0]),
    "border_counts": np.array([1, 0], "<i4"),
    "missing_is_greatest": np.zeros(2, np.uint8),
    "split_input": np.zeros((1, 1), "<i4"),
    "split_bin": np.zeros((1, 1), np.uint8),
    "leaf_values": np.zeros((1, 2)),
    "leaf_weights": np.ones((1, 2)),
    "bias": np.zeros(1),
}


class Recorder:
    """Stands for the fit: it keeps what it was given, and finds trees that ask about nothing."""

    def __init__(self) -> None:
        self.given: list[LabelledRows] = []

    def __call__(self, rows: LabelledRows, how: Boosted) -> Arrays:
        self.given.append(rows)
        return NO_TREES


def test_what_is_not_said_has_its_default() -> None:
    [model] = compile_release(1, TEXTS).models
    assert model.boosted == Boosted(300, 6, 0.06, 3.0, 1, 2 * DAY_MS, 1.0, (0, 0))
    assert (model.labelled, model.keyed, model.publish_every_ms) == (True, None, 2 * DAY_MS)


def test_an_input_may_be_said_to_raise_or_to_lower_the_score_alone() -> None:
    [model] = compile_release(1, TEXTS | {"models": MODELS.replace("}\n", ", monotone: {feature.spent: decreasing}}\n")}).models
    assert model.boosted is not None
    assert model.boosted.monotone == (0, -1)


@pytest.mark.parametrize(
    ("added", "what"),
    [
        ("fit: {tree: 3}", "unknown field"),
        ("fit: {depth: 9}", "not in range"),
        ("fit: {trees: many}", "not in range"),
        ("negatives: 0", "not in range"),
        ("retrain: {every: 2d, on_drift: 2d}", "no shorter than the cadence"),
        ("retrain: {on_drift: 1d}", "missing field"),
        ("monotone: {event.amount: rising}", "unknown value"),
        ("monotone: {event.other: increasing}", "unknown field"),
        ("warm_up: long", "duration"),
        ("forbidden: [event.amount]", "forbidden input"),
        ("forbidden: [event.amuont]", "unknown name"),
        ("learns: events", "unknown value"),
        ("scope: user", "unknown value"),
        ("model: anomaly.HalfSpaceTrees", "unknown field"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(added: str, what: str) -> None:
    with pytest.raises(Refusal) as caught:
        compile_release(1, TEXTS | {"models": MODELS.replace(" retrain: 2d,", "").replace("}\n", f", {added}}}\n")})
    assert what in caught.value.what
    assert re.match(r"models\.yaml:1:\d+", caught.value.where)


def test_a_feature_that_is_computed_from_what_is_forbidden_is_refused_and_another_is_not() -> None:
    features = TEXTS["features"] + "- {name: twice, expression: 2.0 * feature.spent}\n- {name: count, template: count, window: 1h}\n"
    written = "- {name: trees, kind: boosted, inputs: [feature.count, %s], forbidden: [event.amount]}\n"
    with pytest.raises(Refusal, match=r"an input that does not read event\.amount.*feature\.twice"):
        compile_release(1, TEXTS | {"features": features, "models": written % "feature.twice"})
    with pytest.raises(Refusal, match="forbidden input"):
        compile_release(1, TEXTS | {"features": features, "models": written % "feature.spent"})
    [model] = compile_release(1, TEXTS | {"features": features, "models": written.replace(", %s", "")}).models
    [same] = compile_release(
        1, TEXTS | {"features": features, "models": "- {name: trees, kind: boosted, inputs: [feature.count]}\n"}
    ).models
    assert model.definition == same.definition, "what it learned is as good as before"


def test_a_fit_more_often_than_daily_is_refused() -> None:
    with pytest.raises(Refusal, match="duration"):
        compile_release(1, TEXTS | {"models": MODELS.replace("2d", "1h")})


def test_trees_are_fitted_at_multiples_of_their_cadence_to_what_is_known_by_then() -> None:
    release, recorder = compile_release(1, TEXTS), Recorder()
    learners = Learners(release, recorder)
    [learner] = learners.each
    count = 4 * POSITIVES_MIN
    frauds = np.arange(0, count, 2)
    for day in range(6):
        keys = np.arange(count) + 1_000 * day
        times_ms = np.full(count, START_MS + day * DAY_MS)
        learner.see(keys, keys, times_ms, np.column_stack((keys.astype(np.float64), np.ones(count))))
        # The frauds of a day are known twelve hours later; nobody says anything of the others, which count as legitimate after a day.
        known_ms = np.full(len(frauds), START_MS + day * DAY_MS + DAY_MS // 2)
        ones = np.ones(len(frauds))
        learners.tell(Lessons(keys[frauds], ones.astype(np.int8), known_ms, np.full(len(frauds), 100), ones))
    made = {hour: list(learners.snapshots(hour, START_MS + hour * DAY_MS // 24)) for hour in range(120)}
    fitted = [hour for hour, snapshots in made.items() if snapshots]
    # At every second day since the epoch, once there are labels of both kinds.
    assert [(START_MS + hour * DAY_MS // 24) % (2 * DAY_MS) for hour in fitted[1:]] == [0] * len(fitted[1:])
    for hour, rows in zip(fitted, recorder.given, strict=True):
        known = [day for day in range(6) if day * 24 + 12 <= hour]
        told = [day for day in range(6) if day * 24 + 24 <= hour]
        assert sorted(rows.x[rows.y == 1, 0].tolist()) == [float(1_000 * day + at) for day in known for at in frauds]
        assert sorted(rows.x[rows.y == 0, 0].tolist()) == [float(1_000 * day + at) for day in told for at in frauds + 1]
    assert {snapshot.kind for snapshots in made.values() for snapshot in snapshots} == {"boosted.SymmetricTrees"}


def test_what_came_before_windows_were_whole_is_not_fitted() -> None:
    release, recorder = compile_release(1, TEXTS | {"models": MODELS.replace("}\n", ", warm_up: 3d}\n")}), Recorder()
    learners = Learners(release, recorder)
    [learner] = learners.each
    keys = np.arange(6 * POSITIVES_MIN)
    times_ms = START_MS + keys // POSITIVES_MIN * DAY_MS
    vectors = np.column_stack((keys.astype(np.float64), np.ones(len(keys))))
    for part in (slice(0, 7), slice(7, None)):
        learner.see(keys[part], keys[part], times_ms[part], vectors[part])
    ones = np.ones(len(keys))
    learners.tell(Lessons(keys, (keys % 2).astype(np.int8), times_ms, np.full(len(keys), 100), ones))
    list(learners.snapshots(1, START_MS + 20 * DAY_MS))
    [rows] = recorder.given
    assert rows.x[:, 0].tolist() == keys[3 * POSITIVES_MIN :].tolist()


def test_models_of_the_kind_learn_elsewhere_where_nothing_fits_them() -> None:
    assert Learners(compile_release(1, TEXTS)).each == []


def test_a_share_of_the_negatives_stands_for_all_of_them() -> None:
    [model] = compile_release(1, TEXTS | {"models": MODELS.replace("}\n", ", negatives: 0.1}\n")}).models
    recorder = Recorder()
    trees = FittedTrees(model, recorder)
    x = np.column_stack((np.arange(20_000.0), np.zeros(20_000)))
    y = (np.arange(20_000) % 100 == 0).astype(np.float64)
    trees.learn_many(x, y, np.full(20_000, 2.0))
    assert trees.fit()
    [rows] = recorder.given
    assert rows.y.sum() == 200
    assert rows.weights[rows.y == 1].tolist() == [2.0] * 200
    assert rows.weights[rows.y == 0].sum() == pytest.approx(2.0 * 19_800, rel=0.05)
    assert len(rows.y) == pytest.approx(2_180, rel=0.05)


def test_cuts_of_the_stream_do_not_change_what_is_fitted() -> None:
    [model] = compile_release(1, TEXTS | {"models": MODELS.replace("}\n", ", negatives: 0.3}\n")}).models
    x, y = np.random.default_rng(1).normal(size=(1_000, 2)), (np.arange(1_000) % 5 == 0).astype(np.float64)
    whole, parts = Recorder(), Recorder()
    one, many = FittedTrees(model, whole), FittedTrees(model, parts)
    one.learn_many(x, y)
    for first in range(0, 1_000, 7):
        many.learn_many(x[first : first + 7], y[first : first + 7])
    assert one.fit()
    assert many.fit()
    assert whole.given[0].x.tobytes() == parts.given[0].x.tobytes()
    assert whole.given[0].weights.tobytes() == parts.given[0].weights.tobytes()


def test_too_few_frauds_are_not_learned_by_heart() -> None:
    [model] = compile_release(1, TEXTS).models
    trees = FittedTrees(model, Recorder())
    trees.learn_many(np.ones((500, 2)), (np.arange(500) < POSITIVES_MIN - 1).astype(np.float64))
    assert not trees.fit()
    trees.learn_many(np.ones((1, 2)), np.ones(1))
    assert trees.fit()
