"""All detectors by the names that models.yaml uses, which are River's where River has the method, and all kinds of snapshots."""

from typing import Final

from detectors.boosted.symmetric_trees import ARRAYS as BOOSTED_ARRAYS
from detectors.boosted.symmetric_trees import BoostedScoring
from detectors.half_space.half_space_scoring import ARRAYS as HALF_SPACE_ARRAYS
from detectors.half_space.half_space_scoring import HalfSpaceScoring
from detectors.half_space.half_space_trees import HalfSpaceTrees
from detectors.half_space.half_space_trees_of_keys import HalfSpaceTreesOfKeys
from detectors.keyed.adwin import ADWIN
from detectors.keyed.category_counts import CategoryCounts
from detectors.keyed.category_surprise import CategorySurprise
from detectors.keyed.decayed_quantile import DecayedQuantile
from detectors.keyed.ew_gaussian import EWGaussianScorer
from detectors.keyed.gaussian import GaussianScorer
from detectors.keyed.nearest_prototype import NearestPrototype
from detectors.keyed.neighbour_density import NeighbourDensity
from detectors.keyed.page_hinkley import PageHinkley
from detectors.keyed.robust_z import RobustZScorer
from detectors.keyed.spot import SPOT
from detectors.learner import Arrays, Keyed, Learner, Scoring
from detectors.regression.crossed_regression import CrossedLogisticRegression
from detectors.regression.crossed_scoring import ARRAYS as CROSSED_ARRAYS
from detectors.regression.crossed_scoring import CrossedScoring
from detectors.regression.logistic_regression import ARRAYS as LOGISTIC_ARRAYS
from detectors.regression.logistic_regression import LogisticRegression, LogisticScoring
from detectors.river.learners import RiverAnomaly, RiverClassifier, RiverDrift
from detectors.river.scoring import ARRAYS as RIVER_ARRAYS
from detectors.river.scoring import RiverScoring
from detectors.scores.cauchy_combination import ARRAYS as CAUCHY_ARRAYS
from detectors.scores.cauchy_combination import CauchyCombination, CauchyScoring
from detectors.scores.weighted_combination import WeightedCombination
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
    "score_from",
    "score_in_slices",
]

LEARNERS: Final[dict[str, type[Learner]]] = {
    "anomaly.HalfSpaceTrees": HalfSpaceTrees,
    "combine.Cauchy": CauchyCombination,
    "combine.WeightedCauchy": WeightedCombination,
    "linear_model.CrossedLogisticRegression": CrossedLogisticRegression,
    "linear_model.LogisticRegression": LogisticRegression,
}
"""Detectors with one state for all events; made from the number of inputs and the parameters."""

RIVER: Final[dict[str, type[Learner]]] = {
    "river.Anomaly": RiverAnomaly,
    "river.Classifier": RiverClassifier,
    "river.Drift": RiverDrift,
}
"""Learners that run pipelines of River's own classes; models.yaml names those classes, see `detectors.river.allowed`, and not these."""

KEYED: Final[dict[str, type[Keyed]]] = {
    "anomaly.CategorySurprise": CategorySurprise,
    "anomaly.EWGaussianScorer": EWGaussianScorer,
    "anomaly.GaussianScorer": GaussianScorer,
    "anomaly.HalfSpaceTrees": HalfSpaceTreesOfKeys,
    "anomaly.NearestPrototype": NearestPrototype,
    "anomaly.NeighbourDensity": NeighbourDensity,
    "anomaly.RobustZScorer": RobustZScorer,
    "anomaly.SPOT": SPOT,
    "drift.ADWIN": ADWIN,
    "drift.PageHinkley": PageHinkley,
    "stats.DecayedQuantile": DecayedQuantile,
}
"""Detectors with a state for each key; made from the parameters."""

KEYED_OF_ROWS: Final = frozenset({"anomaly.HalfSpaceTrees", "anomaly.NearestPrototype"})
"""Those of `KEYED` that take rows of several inputs; how many is their parameter `inputs`."""

POPULATIONS: Final[dict[str, type[CategoryCounts]]] = {"anomaly.CategorySurprise": CategoryCounts}
"""What learns the population that a detector of `KEYED` compares its keys with; such a detector takes a text."""

SNAPSHOT_KINDS: Final[dict[str, SnapshotKind[Scoring]]] = {
    "anomaly.HalfSpaceTrees": SnapshotKind(HALF_SPACE_ARRAYS, HalfSpaceScoring),
    "linear_model.CrossedLogisticRegression": SnapshotKind(CROSSED_ARRAYS, CrossedScoring),
    "linear_model.LogisticRegression": SnapshotKind(LOGISTIC_ARRAYS, LogisticScoring),
    "combine.Cauchy": SnapshotKind(CAUCHY_ARRAYS, CauchyScoring),
    "combine.WeightedCauchy": SnapshotKind(CAUCHY_ARRAYS, CauchyScoring),
    "boosted.SymmetricTrees": SnapshotKind(BOOSTED_ARRAYS, BoostedScoring),
    **{name: SnapshotKind(RIVER_ARRAYS, RiverScoring, RiverScoring.in_slices) for name in RIVER},
}
"""What a snapshot may be, by the kind that it states. The kind of a learner's snapshots is the learner's name."""


def learner_of(name: str) -> type[Learner]:
    """Returns the learner of this name in `LEARNERS` or `RIVER`."""
    return LEARNERS[name] if name in LEARNERS else RIVER[name]


def score_from(kind: str, arrays: Arrays) -> Scoring:
    """Makes the scoring side of a model from its own arrays in a snapshot of `kind`, see `Snapshot.arrays_of`.

    Raises:
        ValueError: there is no such kind, or its snapshots cannot hold these arrays.
    """
    return _kind(kind).read(arrays)


def score_in_slices(kind: str, arrays: Arrays) -> Slices[Scoring]:
    """Does what `score_from` does in slices, see `foundation.slices`: a model of River takes longer than a decision may wait."""
    return (yield from _kind(kind).read_in_slices(arrays))


def _kind(name: str) -> SnapshotKind[Scoring]:
    if name not in SNAPSHOT_KINDS:
        raise ValueError(f"expected a snapshot of one of the kinds {sorted(SNAPSHOT_KINDS)}, got {name!r}")
    return SNAPSHOT_KINDS[name]
