"""All detectors by the names that models.yaml uses, which are River's where River has the method."""

from collections.abc import Callable
from typing import Final

from detectors.decayed_quantile import DecayedQuantile
from detectors.gaussian import GaussianScorer
from detectors.half_space_scoring import HalfSpaceScoring
from detectors.half_space_trees import HalfSpaceTrees
from detectors.learner import Arrays, Keyed, Learner, Scoring
from detectors.logistic_regression import LogisticRegression, LogisticScoring

__all__ = ["KEYED", "LEARNERS", "Arrays", "Keyed", "Learner", "Scoring", "score_from"]

LEARNERS: Final[dict[str, type[Learner]]] = {
    "anomaly.HalfSpaceTrees": HalfSpaceTrees,
    "linear_model.LogisticRegression": LogisticRegression,
}
"""Detectors with one state for all events; made from the number of inputs and the parameters."""

KEYED: Final[dict[str, type[Keyed]]] = {
    "anomaly.GaussianScorer": GaussianScorer,
    "stats.DecayedQuantile": DecayedQuantile,
}
"""Detectors with a state for each key; made from the parameters."""

_SCORINGS: Final[dict[str, Callable[[Arrays], Scoring]]] = {
    "anomaly.HalfSpaceTrees": HalfSpaceScoring,
    "linear_model.LogisticRegression": LogisticScoring,
}


def score_from(name: str, arrays: Arrays) -> Scoring:
    """Makes the scoring side of the learner `name` from the arrays of one of its snapshots.

    Raises:
        KeyError: no learner has that name.
        ValueError: such a learner cannot have published these arrays.
    """
    return _SCORINGS[name](arrays)
