"""All detectors by the names that models.yaml uses, which are River's where River has the method, and all kinds of snapshots.

The modules of detectors are imported when somebody asks for them: those that a release names, while it is compiled.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from detectors.keyed.category_counts import CategoryCounts
from detectors.learner import Arrays, Keyed, Learner, Scoring
from detectors.loaded_later import LoadedLater, imported
from detectors.snapshot_kind import SnapshotKind
from foundation.slices import Slices

__all__ = [
    "KEYED",
    "KEYED_OF_ROWS",
    "LEARNERS",
    "POPULATIONS",
    "RIVER",
    "SNAPSHOT_KINDS",
    "Arrays",
    "Keyed",
    "Learner",
    "Scoring",
    "learner_of",
    "load",
    "load_all",
    "score_from",
    "score_in_slices",
]


def _type(module: str, name: str) -> Callable[[], Any]:
    return functools.partial(imported, module, name)


def _kind(module: str, name: str) -> Callable[[], SnapshotKind[Scoring]]:
    """A kind of snapshot whose scoring side is the class `name`; one that is made in slices has a method for that."""

    def make() -> SnapshotKind[Scoring]:
        scoring = imported(module, name)
        return SnapshotKind(imported(module, "ARRAYS"), scoring, getattr(scoring, "in_slices", None))

    return make


LEARNERS: Final[Mapping[str, type[Learner]]] = LoadedLater(
    {
        "anomaly.HalfSpaceTrees": _type("half_space.half_space_trees", "HalfSpaceTrees"),
        "combine.Cauchy": _type("scores.cauchy_combination", "CauchyCombination"),
        "combine.WeightedCauchy": _type("scores.weighted_combination", "WeightedCombination"),
        "linear_model.CrossedLogisticRegression": _type("regression.crossed_regression", "CrossedLogisticRegression"),
        "linear_model.LogisticRegression": _type("regression.logistic_regression", "LogisticRegression"),
    }
)
"""Detectors with one state for all events; made from the number of inputs and the parameters."""

RIVER: Final[Mapping[str, type[Learner]]] = LoadedLater(
    {
        "river.Anomaly": _type("river.learners", "RiverAnomaly"),
        "river.Classifier": _type("river.learners", "RiverClassifier"),
        "river.Drift": _type("river.learners", "RiverDrift"),
    }
)
"""Learners that run pipelines of River's own classes; models.yaml names those classes, see `detectors.river.allowed`, and not these."""

KEYED: Final[Mapping[str, type[Keyed]]] = LoadedLater(
    {
        "anomaly.CategorySurprise": _type("keyed.category_surprise", "CategorySurprise"),
        "anomaly.EWGaussianScorer": _type("keyed.ew_gaussian", "EWGaussianScorer"),
        "anomaly.GaussianScorer": _type("keyed.gaussian", "GaussianScorer"),
        "anomaly.HalfSpaceTrees": _type("half_space.half_space_trees_of_keys", "HalfSpaceTreesOfKeys"),
        "anomaly.NearestPrototype": _type("keyed.nearest_prototype", "NearestPrototype"),
        "anomaly.NeighbourDensity": _type("keyed.neighbour_density", "NeighbourDensity"),
        "anomaly.RobustZScorer": _type("keyed.robust_z", "RobustZScorer"),
        "anomaly.SPOT": _type("keyed.spot", "SPOT"),
        "drift.ADWIN": _type("keyed.adwin", "ADWIN"),
        "drift.PageHinkley": _type("keyed.page_hinkley", "PageHinkley"),
        "stats.DecayedQuantile": _type("keyed.decayed_quantile", "DecayedQuantile"),
    }
)
"""Detectors with a state for each key; made from the parameters."""

KEYED_OF_ROWS: Final = frozenset({"anomaly.HalfSpaceTrees", "anomaly.NearestPrototype"})
"""Those of `KEYED` that take rows of several inputs; how many is their parameter `inputs`."""

POPULATIONS: Final[dict[str, type[CategoryCounts]]] = {"anomaly.CategorySurprise": CategoryCounts}
"""What learns the population that a detector of `KEYED` compares its keys with; such a detector takes a text."""

SNAPSHOT_KINDS: Final[Mapping[str, SnapshotKind[Scoring]]] = LoadedLater(
    {
        "anomaly.HalfSpaceTrees": _kind("half_space.half_space_scoring", "HalfSpaceScoring"),
        "linear_model.CrossedLogisticRegression": _kind("regression.crossed_scoring", "CrossedScoring"),
        "linear_model.LogisticRegression": _kind("regression.logistic_regression", "LogisticScoring"),
        "combine.Cauchy": _kind("scores.cauchy_combination", "CauchyScoring"),
        "combine.WeightedCauchy": _kind("scores.cauchy_combination", "CauchyScoring"),
        "boosted.SymmetricTrees": _kind("boosted.symmetric_trees", "BoostedScoring"),
        **{name: _kind("river.scoring", "RiverScoring") for name in RIVER},
    }
)
"""What a snapshot may be, by the kind that it states. The kind of a learner's snapshots is the learner's name."""


def load(names: Iterable[str]) -> None:
    """Imports what detectors and snapshots of these names need, so that no event waits for it; other names are passed over."""
    for name in names:
        for each in (LEARNERS, RIVER, KEYED, SNAPSHOT_KINDS):
            each.get(name)


def load_all() -> None:
    """Imports all detectors: whoever compiles kernels ahead leaves none out."""
    load({*LEARNERS, *RIVER, *KEYED, *SNAPSHOT_KINDS})


def learner_of(name: str) -> type[Learner]:
    """Returns the learner of this name in `LEARNERS` or `RIVER`."""
    return LEARNERS[name] if name in LEARNERS else RIVER[name]


def score_from(kind: str, arrays: Arrays) -> Scoring:
    """Makes the scoring side of a model from its own arrays in a snapshot of `kind`, see `Snapshot.arrays_of`.

    Raises:
        ValueError: there is no such kind, or its snapshots cannot hold these arrays.
    """
    return _kind_named(kind).read(arrays)


def score_in_slices(kind: str, arrays: Arrays) -> Slices[Scoring]:
    """Does what `score_from` does in slices, see `foundation.slices`: a model of River takes longer than a decision may wait."""
    return (yield from _kind_named(kind).read_in_slices(arrays))


def _kind_named(name: str) -> SnapshotKind[Scoring]:
    if name not in SNAPSHOT_KINDS:
        raise ValueError(f"expected a snapshot of one of the kinds {sorted(SNAPSHOT_KINDS)}, got {name!r}")
    return SNAPSHOT_KINDS[name]
