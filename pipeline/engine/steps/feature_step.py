"""The first step: events enter the profiles of their users, and their features come out."""

import numpy as np

from features.definitions.row_values import row_values
from features.layout.layout import WARMING
from pipeline.engine.release import Release
from pipeline.engine.revisions import number_revisions
from pipeline.engine.steps.step import Turn
from pipeline.engine.verdicts import UNDECIDED, Verdicts

_EVENT_NS = 900.0
"""Of an event beside its features: finding its profile and writing its row."""


class FeatureStep:
    """Fills the features of the user and the expressions over all features, and says what became of each event.

    The features of other entities are in `Verdicts.features` before: their stage has answered. What they cost there is in `cost_ns`.
    """

    name = "features"
    reads: tuple[str, ...] = ()
    fills: tuple[str, ...] = ("features", "flags", "rows", "outcomes", "revisions")

    def cost_ns(self, release: Release) -> float:
        return _EVENT_NS * len(release.features.kinds) + release.features.cost_ns

    def run(self, turn: Turn, verdicts: Verdicts) -> None:
        release, batch = verdicts.release, turn.batch
        kind = release.features.kinds[0]
        plan = release.features.plans[kind]
        out = np.empty((len(batch), plan.width))
        values = row_values(plan.columns, batch, release.schema)
        verdicts.flags, verdicts.rows, verdicts.outcomes = turn.profiles.observe(turn.slots, batch, values, out)
        verdicts.features[:, release.features.columns[kind]] = release.features.finish(kind, out, values, batch.times_ms)
        release.features.complete(batch, verdicts.features)
        verdicts.flags[turn.answers.warming & ~verdicts.are(UNDECIDED)] |= WARMING
        number_revisions(verdicts)
