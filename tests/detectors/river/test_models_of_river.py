"""Every class of River that is offered learns, is published without a pickle, and scores and goes on elsewhere as it does here."""

import importlib
import inspect
from typing import Any

import numpy as np
import pytest
from every_class_of_river import PLAIN, TREE, Steps, pipelines
from numpy.typing import NDArray

from detectors.catalogue import LEARNERS, Learner, learner_of, score_from
from detectors.river import learners, state_writing
from detectors.river.allowed import ALLOWED
from detectors.river.array_forms import array_form
from detectors.river.building import build, input_names
from detectors.river.learners import RiverClassifier
from detectors.snapshot import Snapshot

KINDS = {"anomaly": "river.Anomaly", "anomaly_of_one": "river.Anomaly", "classifier": "river.Classifier", "drift": "river.Drift"}
ROWS = 90


def stream(rows: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows of three inputs, of which the first is larger for positives and the last is missing at times."""
    generator = np.random.default_rng(seed)
    y = (generator.random(rows) < 0.4).astype(np.float64)
    x = generator.random((rows, 3)) + np.column_stack((y, np.zeros(rows), np.zeros(rows)))
    x[generator.random(rows) < 0.1, 2] = np.nan
    return x, y


def made(steps: Steps) -> Learner:
    return learner_of(KINDS[ALLOWED[steps[-1][0]].role])(3, steps=steps)


def named(steps: Steps) -> str:
    return " ".join(f"{name} {parameters}" for name, parameters in steps)


def through_bytes(arrays: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return Snapshot.decode(Snapshot("m", "hash", 1, 0, arrays).encode()).arrays


@pytest.mark.parametrize("steps", list(pipelines()), ids=named)
def test_a_model_scores_and_goes_on_from_its_bytes_as_it_does_here(steps: Steps) -> None:
    x, y = stream(ROWS, 1)
    kind = KINDS[ALLOWED[steps[-1][0]].role]
    learner, other = made(steps), made(steps)
    learner.learn_many(x, y)
    other.learn_many(x, y)
    before = learner.state()
    assert other.state()["state"].tobytes() == before["state"].tobytes()  # nothing but the rows decides what is learned
    scored = learner.score_many(x[:20])
    scoring = score_from(kind, through_bytes(learner.snapshot()))
    assert np.array_equal(scoring.score_many(x[:20]), scored, equal_nan=True)
    assert np.isfinite(scored).sum() >= 10
    assert scored[np.isfinite(scored)].min() >= 0.0
    assert scored[np.isfinite(scored)].max() <= 1.0
    known = x[np.isfinite(scored).nonzero()[0][:3]]
    np.testing.assert_allclose(scoring.base + scoring.contributions_many(known).sum(axis=1), scoring.score_many(known), rtol=1e-9)
    assert learner.state()["state"].tobytes() == before["state"].tobytes()  # scoring has changed nothing
    other.restore(through_bytes(before))
    for each in (learner, other):
        each.learn_many(*stream(20, 2))
    assert learner.state()["state"].tobytes() == other.state()["state"].tobytes()
    assert np.array_equal(learner.score_many(x[:20]), other.score_many(x[:20]), equal_nan=True)


@pytest.mark.parametrize("name", ALLOWED)
def test_what_may_be_said_of_a_class_is_what_river_takes(name: str) -> None:
    module, _, own = name.rpartition(".")
    taken = inspect.signature(getattr(importlib.import_module(f"river.{module}"), own)).parameters
    allowed = ALLOWED[name]
    assert allowed.parameters.keys() <= taken.keys()
    assert set(allowed.required) == {key for key in allowed.parameters if taken[key].default is inspect.Parameter.empty}
    assert ("seed" in taken) <= ("seed" in allowed.parameters)  # or two runs would differ


@pytest.mark.parametrize(
    "steps",
    [
        [("preprocessing.StandardScaler", {}), ("linear_model.LogisticRegression", {"intercept_lr": 0.02})],
        [("preprocessing.StandardScaler", {}), ("linear_model.LogisticRegression", {"optimizer": [("optim.SGD", {"lr": 0.05})]})],
        [("anomaly.HalfSpaceTrees", {"n_trees": 3, "height": 4, "window_size": 30})],
        [("preprocessing.MinMaxScaler", {}), ("anomaly.HalfSpaceTrees", {"n_trees": 3, "height": 4, "window_size": 30, "seed": 7})],
    ],
    ids=named,
)
def test_an_array_form_gives_the_numbers_of_river(steps: Steps) -> None:
    found = array_form(steps)
    assert found is not None
    form, river = LEARNERS[found[0]](3, **found[1]), made(steps)
    x, y = stream(200, 3)
    x[:, 2] = np.nan_to_num(x[:, 2])  # with a missing input Half-Space Trees go another way than River's
    for first in range(0, 200, 20):
        part = slice(first, first + 20)
        np.testing.assert_allclose(form.score_many(x[part]), river.score_many(x[part]), rtol=1e-9, atol=1e-12)
        form.learn_many(x[part], y[part])
        river.learn_many(x[part], y[part])


@pytest.mark.parametrize(
    "steps",
    [
        PLAIN,
        [("preprocessing.StandardScaler", {}), ("linear_model.LogisticRegression", {"l2": 0.1})],
        [("preprocessing.StandardScaler", {}), ("linear_model.LogisticRegression", {"optimizer": [("optim.Adam", {})]})],
        [("preprocessing.StandardScaler", {"with_std": False}), *PLAIN],
        [("preprocessing.RobustScaler", {}), ("anomaly.HalfSpaceTrees", {})],
    ],
    ids=named,
)
def test_what_has_no_array_form_is_left_to_river(steps: Steps) -> None:
    assert array_form(steps) is None


def test_a_pipeline_learns_what_river_learns_by_itself() -> None:
    steps: Steps = [("preprocessing.StandardScaler", {}), (TREE, {"grace_period": 20})]
    x, y = stream(150, 4)
    learner, own = made(steps), build(steps)
    learner.learn_many(x, y)
    for row, label in zip(x, y, strict=True):
        own.learn_one({name: value for name, value in zip(input_names(3), row.tolist(), strict=True) if value == value}, bool(label))
    expected = [own.predict_proba_one(dict(zip(input_names(3), row.tolist(), strict=True)))[True] for row in x[:30] if row[2] == row[2]]
    assert learner.score_many(x[:30][~np.isnan(x[:30, 2])]).tolist() == expected


def test_a_label_counts_by_its_weight_in_the_sum() -> None:
    steps: Steps = [("naive_bayes.GaussianNB", {})]
    half, plain = made(steps), made(steps)
    x, y = stream(40, 5)
    half.learn_many(np.repeat(x, 2, axis=0), np.repeat(y, 2), np.full(80, 0.5))
    plain.learn_many(x, y)
    assert half.state()["state"].tobytes() == plain.state()["state"].tobytes()


def test_a_model_that_has_grown_too_large_stays_as_it_was_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: Steps = [("forest.AMFClassifier", {"n_estimators": 2})]
    learner = made(steps)
    assert isinstance(learner, RiverClassifier)
    learner.learn_many(*stream(20, 6))
    kept = learner.state()
    monkeypatch.setattr(state_writing, "BYTES_MAX", len(kept["state"]) + 100)
    learner.learn_many(*stream(60, 7))
    assert learner.snapshot()["state"].tobytes() == kept["state"].tobytes()
    assert learner.full
    learner.learn_many(*stream(60, 8))
    again = RiverClassifier(3, steps)
    again.restore(through_bytes(learner.state()))
    assert again.full
    assert again.state()["state"].tobytes() == kept["state"].tobytes()


def test_drift_fades_with_the_events_since() -> None:
    learner = made([("drift.PageHinkley", {"min_instances": 5, "threshold": 1.0})])
    x = np.column_stack((np.r_[np.zeros(30), np.full(10, 50.0)], np.zeros((40, 2))))
    learner.learn_many(x[:30])
    assert learner.score_many(x[:1])[0] == 0.0
    learner.learn_many(x[30:])
    assert 0.9 < learner.score_many(x[:1])[0] <= 1.0
    learner.learn_many(np.repeat(x[-1:], learners.RECENT_SCORES, axis=0))
    assert learner.score_many(x[:1])[0] < 0.05
