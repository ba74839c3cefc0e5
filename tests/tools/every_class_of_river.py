"""One small pipeline for each class of River that is offered, and for each option that changes what a state consists of."""

from collections.abc import Iterator
from typing import Any

from detectors.river.allowed import ALLOWED
from detectors.river.parameter import Nested

Steps = list[tuple[str, dict[str, Any]]]

PLAIN: Steps = [("linear_model.LogisticRegression", {})]
TREE = "tree.HoeffdingTreeClassifier"
SMALL: dict[str, Any] = {
    "n_models": 2,
    "n_estimators": 2,
    "n_trees": 2,
    "n_neighbors": 3,
    "height": 3,
    "window_size": 40,
    "n_random_cuts": 5,
    "n_components": 4,
}
"""Sizes that keep the tests cheap."""
GROWING = {"grace_period": 20, "delta": 0.5, "tau": 0.5}
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    *((TREE, {**GROWING, "leaf_prediction": each, "split_criterion": "gini"}) for each in ("mc", "nb", "nba")),
    *(("tree.ExtremelyFastDecisionTreeClassifier", {**GROWING, "leaf_prediction": each}) for each in ("mc", "nb")),
    *(("tree.HoeffdingAdaptiveTreeClassifier", {**GROWING, "leaf_prediction": each}) for each in ("mc", "nb")),
    *(("forest.ARFClassifier", {"grace_period": 20, "delta": 0.5, "leaf_prediction": each, "n_models": 2}) for each in ("mc", "nb")),
    ("tree.LASTClassifier", {"leaf_prediction": "mc", "change_detector": [("drift.PageHinkley", {"mode": "up"})]}),
    *(("ensemble.LeveragingBaggingClassifier", {"model": PLAIN, "n_models": 2, "bagging_method": each}) for each in ("wt", "subag")),
    *(("drift.PageHinkley", {"mode": each}) for each in ("up", "down")),
    ("linear_model.PAClassifier", {"mode": 2}),
    ("ensemble.SRPClassifier", {"model": [(TREE, GROWING)], "n_models": 2, "training_method": "subspaces"}),
    ("ensemble.BaggingClassifier", {"model": [("preprocessing.StandardScaler", {}), *PLAIN], "n_models": 2}),
]


def pipelines() -> Iterator[Steps]:
    """Gives a pipeline that scores for each class of the table, and for each of `OPTIONS`."""
    for name, allowed in ALLOWED.items():
        parameters = {key: value for key, value in SMALL.items() if key in allowed.parameters}
        for required in allowed.required:
            parameter = allowed.parameters[required]
            parameters[required] = [PLAIN, [(TREE, {})]] if isinstance(parameter, Nested) and parameter.many else PLAIN
        yield {
            "transformer": [(name, parameters), *PLAIN],
            "optimizer": [("linear_model.LogisticRegression", {"optimizer": [(name, parameters)]})],
            "engine": [("neighbors.KNNClassifier", {"engine": [(name, parameters)]})],
        }.get(allowed.role, [(name, parameters)])
    yield from ([(name, parameters)] for name, parameters in OPTIONS)
