"""The classes of River that models.yaml may name, with their parameters and the range of each.

The ranges bound what a model costs. A class or a parameter of River that is not here is not offered: what takes functions, texts or files,
regressors, what begins threads, and what raises in this version whenever it is used.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from detectors.river.parameter import AllowedClass, Choice, Nested, Number, Parameter, Role

VERSION: Final = "0.26.1"
"""The version of River that the tables were made for."""

_FLAG: Final = Choice((False, True))
_SEED: Final = Number(0, 2**31 - 1, whole=True)
_SHARE: Final = Number(0.0, 1.0)
_COUNT: Final = Number(0, 1e9, whole=True)
_RATE: Final = Number(1e-6, 10.0)
_PENALTY: Final = Number(0.0, 1e6)
_CLIP: Final = Number(1e-6, 1e12)
_MODELS: Final = Number(1, 50, whole=True)
_WINDOW: Final = Number(2, 5_000, whole=True)
_DEPTH: Final = Number(1, 20, whole=True, optional=True)
_SEARCHES: Final = "it compares an event with all of its window, which takes milliseconds"
_CLASSIFIER: Final = Nested("classifier")
_DETECTOR: Final = Nested("drift")

_GROWTH: Final[Mapping[str, Parameter]] = {
    "grace_period": Number(1, 1_000_000, whole=True),
    "max_depth": _DEPTH,
    "split_criterion": Choice(("gini", "info_gain", "hellinger")),
    "delta": Number(1e-12, 1.0),
    "tau": _SHARE,
    "leaf_prediction": Choice(("mc", "nb", "nba")),
    "nb_threshold": _COUNT,
    "binary_split": _FLAG,
    "min_branch_fraction": _SHARE,
    "max_share_to_split": _SHARE,
    "max_size": Number(0.01, 4.0),
    "memory_estimate_period": Number(100, 1_000_000, whole=True),
    "stop_mem_management": _FLAG,
    "remove_poor_attrs": _FLAG,
    "merit_preprune": _FLAG,
}
"""How Hoeffding trees grow."""
_LAST_GROWTH: Final[Mapping[str, Parameter]] = {
    **{name: each for name, each in _GROWTH.items() if name not in ("grace_period", "delta", "tau")},
    "leaf_prediction": Choice(("mc", "nba")),
}


def _ensemble(**further: Parameter) -> AllowedClass:
    return AllowedClass("classifier", {"model": _CLASSIFIER, "n_models": _MODELS, "seed": _SEED, **further}, required=("model",))


ALLOWED: Final[Mapping[str, AllowedClass]] = {
    "anomaly.GaussianScorer": AllowedClass("anomaly_of_one", {"grace_period": _COUNT}),
    "anomaly.HalfSpaceTrees": AllowedClass(
        "anomaly",
        {
            "n_trees": _MODELS,
            "height": Number(1, 12, whole=True),
            "window_size": Number(1, 1_000_000, whole=True),
            "seed": _SEED,
        },
    ),
    "anomaly.LODA": AllowedClass(
        "anomaly", {"n_bins": Number(2, 100, whole=True), "n_random_cuts": Number(1, 200, whole=True), "seed": _SEED}, unit=False
    ),
    "anomaly.LocalOutlierFactor": AllowedClass(
        "anomaly",
        {"n_neighbors": Number(1, 100, whole=True), "engine": Nested("engine")},
        unit=False,
        replay_only=_SEARCHES,
    ),
    "anomaly.OneClassSVM": AllowedClass(
        "anomaly",
        {"nu": Number(1e-6, 1.0), "optimizer": Nested("optimizer"), "intercept_lr": _RATE, "clip_gradient": _CLIP},
        unit=False,
    ),
    "anomaly.StandardAbsoluteDeviation": AllowedClass("anomaly_of_one", {}, unit=False),
    "drift.ADWIN": AllowedClass(
        "drift",
        {
            "delta": Number(1e-12, 1.0),
            "clock": Number(1, 1_000_000, whole=True),
            "max_buckets": Number(2, 100, whole=True),
            "min_window_length": Number(1, 1_000_000, whole=True),
            "grace_period": Number(1, 1_000_000, whole=True),
        },
    ),
    "drift.KSWIN": AllowedClass(
        "drift", {"alpha": _SHARE, "window_size": _WINDOW, "stat_size": Number(1, 2_500, whole=True), "seed": _SEED}
    ),
    "drift.PageHinkley": AllowedClass(
        "drift",
        {
            "min_instances": Number(1, 1_000_000, whole=True),
            "delta": _PENALTY,
            "threshold": Number(0.0, 1e12),
            "alpha": _SHARE,
            "mode": Choice(("up", "down", "both")),
        },
    ),
    "linear_model.ALMAClassifier": AllowedClass(
        "classifier", {"p": Number(1, 10, whole=True), "alpha": _SHARE, "B": Number(0.0, 100.0), "C": Number(0.0, 100.0)}
    ),
    "linear_model.AdPredictor": AllowedClass(
        "classifier", {"beta": Number(1e-6, 100.0), "prior_probability": Number(1e-9, 1 - 1e-9), "epsilon": _SHARE}
    ),
    "linear_model.LogisticRegression": AllowedClass(
        "classifier",
        {
            "optimizer": Nested("optimizer"),
            "l2": _PENALTY,
            "l1": _PENALTY,
            "intercept_init": Number(-100.0, 100.0),
            "intercept_lr": Number(0.0, 10.0),
            "clip_gradient": _CLIP,
        },
    ),
    "linear_model.PAClassifier": AllowedClass(
        "classifier", {"C": Number(1e-9, 1e6), "mode": Number(1, 2, whole=True), "learn_intercept": _FLAG}
    ),
    "linear_model.Perceptron": AllowedClass("classifier", {"l2": _PENALTY, "clip_gradient": _CLIP}),
    "tree.ExtremelyFastDecisionTreeClassifier": AllowedClass(
        "classifier", {**_GROWTH, "min_samples_reevaluate": Number(1, 1_000_000, whole=True)}
    ),
    "tree.HoeffdingAdaptiveTreeClassifier": AllowedClass(
        "classifier",
        {
            **_GROWTH,
            "bootstrap_sampling": _FLAG,
            "drift_window_threshold": Number(1, 1_000_000, whole=True),
            "drift_detector": _DETECTOR,
            "switch_significance": _SHARE,
            "seed": _SEED,
        },
    ),
    "tree.HoeffdingTreeClassifier": AllowedClass("classifier", _GROWTH),
    "tree.LASTClassifier": AllowedClass("classifier", {**_LAST_GROWTH, "change_detector": _DETECTOR, "track_error": _FLAG}),
    "tree.SGTClassifier": AllowedClass(
        "classifier",
        {
            "delta": Number(1e-12, 1.0),
            "grace_period": Number(1, 1_000_000, whole=True),
            "init_pred": Number(-100.0, 100.0),
            "max_depth": _DEPTH,
            "lambda_value": _PENALTY,
            "gamma": _PENALTY,
        },
    ),
    "forest.AMFClassifier": AllowedClass(
        "classifier",
        {
            "n_estimators": _MODELS,
            "step": Number(1e-6, 100.0),
            "use_aggregation": _FLAG,
            "dirichlet": Number(1e-6, 100.0),
            "split_pure": _FLAG,
            "max_nodes": Number(3, 10_000, whole=True, optional=True),
            "seed": _SEED,
        },
    ),
    "forest.ARFClassifier": AllowedClass(
        "classifier",
        {
            **_GROWTH,
            "n_models": _MODELS,
            "max_features": Choice(("sqrt", "log2")),
            "lambda_value": Number(1, 100, whole=True),
            "disable_weighted_vote": _FLAG,
            "drift_detector": _DETECTOR,
            "warning_detector": _DETECTOR,
            "seed": _SEED,
        },
    ),
    "ensemble.ADWINBaggingClassifier": _ensemble(),
    "ensemble.ADWINBoostingClassifier": _ensemble(),
    "ensemble.AdaBoostClassifier": _ensemble(),
    "ensemble.BOLEClassifier": _ensemble(error_bound=_SHARE),
    "ensemble.BaggingClassifier": _ensemble(),
    "ensemble.LeveragingBaggingClassifier": _ensemble(
        w=Number(0.01, 100.0), adwin_delta=Number(1e-12, 1.0), bagging_method=Choice(("bag", "wt", "subag"))
    ),
    "ensemble.SRPClassifier": AllowedClass(
        "classifier",
        {
            "model": _CLASSIFIER,
            "n_models": _MODELS,
            "subspace_size": Number(0.01, 1.0),
            "training_method": Choice(("subspaces", "resampling", "patches")),
            "lam": Number(1, 100, whole=True),
            "drift_detector": _DETECTOR,
            "warning_detector": _DETECTOR,
            "disable_weighted_vote": _FLAG,
            "seed": _SEED,
        },
    ),
    "ensemble.StackingClassifier": AllowedClass(
        "classifier",
        {"models": Nested("classifier", many=True), "meta_classifier": _CLASSIFIER, "include_features": _FLAG},
        required=("models", "meta_classifier"),
    ),
    "naive_bayes.BernoulliNB": AllowedClass("classifier", {"alpha": _PENALTY, "true_threshold": Number(-1e12, 1e12)}),
    "naive_bayes.GaussianNB": AllowedClass("classifier", {}),
    "neighbors.KNNClassifier": AllowedClass(
        "classifier",
        {"n_neighbors": Number(1, 100, whole=True), "engine": Nested("engine"), "weighted": _FLAG, "softmax": _FLAG},
        replay_only=_SEARCHES,
    ),
    "preprocessing.AdaptiveStandardScaler": AllowedClass("transformer", {"fading_factor": _SHARE}),
    "preprocessing.Binarizer": AllowedClass("transformer", {"threshold": Number(-1e12, 1e12)}),
    "preprocessing.GaussianRandomProjector": AllowedClass("transformer", {"n_components": Number(1, 100, whole=True), "seed": _SEED}),
    "preprocessing.MaxAbsScaler": AllowedClass("transformer", {}),
    "preprocessing.MinMaxScaler": AllowedClass("transformer", {}),
    "preprocessing.Normalizer": AllowedClass("transformer", {"order": Number(1, 10, whole=True)}),
    "preprocessing.RobustScaler": AllowedClass(
        "transformer", {"with_centering": _FLAG, "with_scaling": _FLAG, "q_inf": _SHARE, "q_sup": _SHARE}
    ),
    "preprocessing.SparseRandomProjector": AllowedClass(
        "transformer", {"n_components": Number(1, 100, whole=True), "density": Number(1e-3, 1.0), "seed": _SEED}
    ),
    "preprocessing.StandardScaler": AllowedClass("transformer", {"with_std": _FLAG}),
    "feature_extraction.PolynomialExtender": AllowedClass(
        "transformer", {"degree": Number(2, 3, whole=True), "interaction_only": _FLAG, "include_bias": _FLAG}
    ),
    "feature_extraction.RBFSampler": AllowedClass(
        "transformer", {"gamma": Number(1e-9, 1e6), "n_components": Number(1, 500, whole=True), "seed": _SEED}
    ),
    "neighbors.LazySearch": AllowedClass("engine", {"window_size": _WINDOW, "min_distance_keep": _PENALTY}),
    "neighbors.SWINN": AllowedClass("engine", {"graph_k": Number(2, 50, whole=True), "maxlen": _WINDOW, "seed": _SEED}),
    "optim.AdaGrad": AllowedClass("optimizer", {"lr": _RATE, "eps": Number(1e-12, 1.0)}),
    "optim.Adam": AllowedClass("optimizer", {"lr": _RATE, "beta_1": _SHARE, "beta_2": _SHARE, "eps": Number(1e-12, 1.0)}),
    "optim.FTRLProximal": AllowedClass("optimizer", {"alpha": _RATE, "beta": _PENALTY, "l1": _PENALTY, "l2": _PENALTY}),
    "optim.Momentum": AllowedClass("optimizer", {"lr": _RATE, "rho": _SHARE}),
    "optim.RMSProp": AllowedClass("optimizer", {"lr": _RATE, "rho": _SHARE, "eps": Number(1e-12, 1.0)}),
    "optim.SGD": AllowedClass("optimizer", {"lr": _RATE}),
}
"""By the name that models.yaml uses: River's module and the name of the class."""

SCORING_ROLES: Final[tuple[Role, ...]] = ("anomaly", "anomaly_of_one", "classifier", "drift")
"""Roles of the last step of a pipeline, which gives the score."""


def names_of(*roles: Role) -> list[str]:
    """Returns the names of all classes with one of `roles`, sorted."""
    return sorted(name for name, each in ALLOWED.items() if each.role in roles)


def for_replay_only(steps: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """Returns why a pipeline may not score events that wait for a decision, with the class's name; empty where it may."""
    for name, parameters in steps:
        if ALLOWED[name].replay_only:
            return f"{name}: {ALLOWED[name].replay_only}"
        for key, value in parameters.items():
            parameter = ALLOWED[name].parameters[key]
            if isinstance(parameter, Nested):
                why = next(filter(None, map(for_replay_only, value if parameter.many else [value])), "")
                if why:
                    return why
    return ""
