"""Shows rules what the steps so far know of a batch."""

import functools

from features.layout.layout import LATE, RETRACTED
from patterns.matches import Sight
from patterns.rules.own_names import ADAPTIVE
from patterns.thresholds.threshold import THRESHOLD
from pipeline.engine.decisions.verdicts import REVISED, UNDECIDED, Verdicts
from pipeline.engine.steps.step import Turn


def sight_of(turn: Turn, verdicts: Verdicts) -> Sight:
    """Returns what rules look at, once the steps before theirs have filled `verdicts`."""
    return Sight(
        batch=turn.batch,
        features=verdicts.features,
        models=verdicts.probabilities,
        decided=~verdicts.are(UNDECIDED | RETRACTED),
        fresh=~verdicts.are(UNDECIDED | REVISED),
        late=verdicts.are(LATE),
        facts=functools.partial(turn.facts, verdicts.release),  # it holds no verdicts, because matches among these hold it
        lists=turn.lists,
        profiles=turn.profiles,
        slots=turn.slots,
        of_entities=turn.answers.matched,
        absences=turn.absences,
        adaptive={f"{ADAPTIVE}.{name}": looked[:, THRESHOLD] for name, looked in verdicts.thresholds.items()},
    )
