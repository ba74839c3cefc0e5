"""Lets a share of the payments pass that score or rules would block, see `patterns.hold_out`."""

import numpy as np

from patterns.hold_out import HoldOut
from patterns.policy import ACTIONS, DECIDERS
from pipeline.engine.decisions.verdicts import UNDECIDED, Verdicts
from pipeline.engine.steps.step import Turn

_OVERRULED = np.array([DECIDERS.index("score"), DECIDERS.index("block")], np.uint8)
"""Whose blocks may be lifted: never those of verdicts, lists or overrides, which people have made."""


def let_some_pass(hold_out: HoldOut, turn: Turn, verdicts: Verdicts) -> None:
    """Approves the blocked events that are drawn, and says so in `deciders`."""
    lifted = (verdicts.actions == ACTIONS.index("block")) & np.isin(verdicts.deciders, _OVERRULED) & ~verdicts.are(UNDECIDED)
    if not np.count_nonzero(lifted):
        return
    lifted &= hold_out.draws(turn.batch.id_keys)
    if hold_out.field:
        schema = verdicts.release.schema
        column = schema.columns.index(hold_out.field)
        lifted &= turn.batch.numbers[:, column] / schema.scales[column] < hold_out.below
    verdicts.actions[lifted] = ACTIONS.index("approve")
    verdicts.deciders[lifted] = DECIDERS.index("hold_out")
