"""Numbers the decisions on one event, and finds what repeats of the event are answered with."""

from collections.abc import Iterator

import numpy as np

from features.layout.layout import CORRECTED, DUPLICATE, END, RETRACTED, TOO_OFTEN
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.event import ADD
from pipeline.engine.decisions.reasons import REVISION_MAX, Outcomes
from pipeline.engine.decisions.verdicts import REVISED, UNDECIDED, Verdicts


def turns(batch: Batch) -> Iterator[slice]:
    """Cuts a batch so that no part holds both an event and its correction: the first is decided before the next."""
    start = 0
    if np.count_nonzero(batch.ops):
        seen: dict[tuple[str, int], bool] = {}
        for at, (user, id_key, op) in enumerate(zip(batch.users, batch.id_keys.tolist(), batch.ops.tolist(), strict=True)):
            event = (user, id_key)
            if event in seen and (seen[event] or op != ADD):
                yield slice(start, at)
                start = at
                seen.clear()
            seen[event] = op != ADD
    yield slice(start, len(batch))


def number_revisions(verdicts: Verdicts) -> None:
    """Numbers the decisions on corrected and retracted events: one more than the last, of which `Verdicts.outcomes` tells.

    Profiles refuse a correction beyond the last number before it changes anything. Corrections from before profiles
    counted them are unknown to them: a number above `REVISION_MAX` is not a decision any more, and its event is TOO_OFTEN.
    """
    if verdicts.any_are(REVISED):
        revised = verdicts.are(REVISED)
        verdicts.revisions[revised] = Outcomes.unpacked(verdicts.outcomes[revised]).revisions + 1
        beyond = verdicts.revisions > REVISION_MAX
        verdicts.flags[beyond] = verdicts.flags[beyond] & ~np.uint16(REVISED) | np.uint16(TOO_OFTEN)


def remember(verdicts: Verdicts, slab: Profiles) -> None:
    """Remembers each decision beside its event, and gives the duplicates of this batch the newest decision on their event.

    Where the event of a duplicate is retracted, no row holds its decision any more, and `Verdicts.outcomes` has it.
    """
    if not verdicts.any_are(UNDECIDED):  # nearly always
        slab.remember(verdicts.rows, verdicts.scores, _outcomes_of(verdicts).packed())
        return
    decided = ~verdicts.are(UNDECIDED)
    slab.remember(verdicts.rows[decided], verdicts.scores[decided], _outcomes_of(verdicts).packed()[decided])
    verdicts.scores[~decided] = np.nan
    repeated = verdicts.are(DUPLICATE)
    verdicts.scores[repeated], packed = slab.recall(verdicts.rows[repeated])
    retracted = verdicts.rows[repeated] == END
    newest = Outcomes.unpacked(np.where(retracted, verdicts.outcomes[repeated], packed))
    verdicts.deciders[repeated], verdicts.rules[repeated] = newest.deciders, newest.rules
    verdicts.actions[repeated], verdicts.chosen[repeated] = newest.actions, newest.chosen
    verdicts.reasons[repeated], verdicts.releases[repeated] = newest.reasons, newest.releases
    verdicts.revisions[repeated] = newest.revisions
    revised = np.where(newest.revisions > 0, np.uint16(CORRECTED), np.uint16(0))
    verdicts.flags[repeated] |= np.where(retracted, np.uint16(RETRACTED), revised)


def _outcomes_of(verdicts: Verdicts) -> Outcomes:
    return Outcomes(
        verdicts.actions,
        verdicts.chosen,
        verdicts.reasons,
        verdicts.releases,
        verdicts.revisions,
        verdicts.deciders,
        verdicts.rules,
    )
