"""The first step: events enter the profiles of their users, and their features come out."""

import numpy as np

from features.definitions.row_kernels import spread
from features.layout.layout import WARMING
from pipeline.engine.decisions.revisions import number_revisions
from pipeline.engine.decisions.verdicts import UNDECIDED, Verdicts
from pipeline.engine.definitions.release import Release
from pipeline.engine.steps.step import Turn

_EVENT_NS = 900.0
"""An event costs so much besides its features: its profile is found and its row is written."""


class FeatureStep:
    """Fills the features of the user and the expressions over all features, and flags what became of each event.

    The features of other entities already stand in `Verdicts.features`, because their stage has answered; `cost_ns` includes their cost.
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
        values = plan.row_values.of(batch)
        verdicts.flags, verdicts.rows, verdicts.outcomes = turn.profiles.observe(turn.slots, batch, values, out)
        spread(release.features.finish(kind, out, values, batch.times_ms), release.features.columns[kind], verdicts.features)
        release.features.complete(batch, verdicts.features, turn.facts(release), turn.lists)
        if np.count_nonzero(turn.answers.warming):
            verdicts.flags[turn.answers.warming & ~verdicts.are(UNDECIDED)] |= WARMING
        number_revisions(verdicts)
