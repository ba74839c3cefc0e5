"""Shows rules what the steps so far know of a batch."""

import functools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.layout.layout import LATE, RETRACTED
from patterns.matches import Sight
from patterns.rules.values.own_names import ADAPTIVE
from patterns.thresholds.threshold import THRESHOLD
from pipeline.engine.decisions.outcome_words import divide
from pipeline.engine.decisions.verdicts import REVISED, UNDECIDED, Verdicts
from pipeline.engine.steps.step import Turn


def sight_of(turn: Turn, verdicts: Verdicts) -> Sight:
    """Returns what rules look at, once the steps before theirs have filled `verdicts`."""
    standing = np.empty((3, len(verdicts.flags)), np.bool_)
    divide(verdicts.flags, UNDECIDED | RETRACTED, UNDECIDED | REVISED, LATE, standing)
    decided, fresh, late = standing
    return Sight(
        batch=turn.batch,
        features=verdicts.features,
        models=_heard(verdicts),
        decided=decided,
        fresh=fresh,
        late=late,
        facts=functools.partial(turn.facts, verdicts.release),  # it holds no verdicts, because matches among these hold it
        lists=turn.lists,
        profiles=turn.profiles,
        slots=turn.slots,
        of_entities=turn.answers.matched,
        absences=turn.absences,
        adaptive={f"{ADAPTIVE}.{name}": looked[:, THRESHOLD] for name, looked in verdicts.thresholds.items()},
    )


def _heard(verdicts: Verdicts) -> Mapping[str, NDArray[np.float64]]:
    """Returns the scores by the names that rules know: the name of a place means the model that decides there."""
    champions = verdicts.release.champions
    if not champions:
        return verdicts.probabilities
    return verdicts.probabilities | {place: verdicts.probabilities[champion.model] for place, champion in champions.items()}
