"""Which inputs raised a score most, and how a decision is remembered in the 16 bytes beside its event."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.windows.row_label import CORRECTIONS_MAX
from pipeline.engine.models import Model
from pipeline.engine.release import RELEASE_MAX
from pipeline.engine.verdicts import REASONS_MAX, Verdicts

REVISION_MAX = CORRECTIONS_MAX + 1
"""Of the decisions on one event, from 0: so many corrections, and a retraction. What is remembered has no room for more."""
_POSITION_MAX = 126


def shares_of(verdicts: Verdicts, model: Model, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """[rows, inputs] what each input of `model` added to the score of the events at `rows`."""
    scoring = verdicts.scoring.get(model.name)
    if scoring is None:  # a detector of the user's own, on one input: all of the score is that input's
        return verdicts.models[model.name][rows].reshape(-1, 1)
    return scoring.contributions_many(verdicts.inputs[model.name][rows])


def largest(shares: NDArray[np.float64]) -> NDArray[np.int8]:
    """[n, REASONS_MAX] positions of the largest shares above 0, largest first; -1 where there are no more."""
    order = np.argsort(-shares, axis=1, kind="stable")[:, :REASONS_MAX]
    raised = np.take_along_axis(shares, order, axis=1) > 0.0
    found = np.full((len(shares), REASONS_MAX), -1, np.int8)
    found[:, : order.shape[1]] = np.where(raised & (order <= _POSITION_MAX), order, -1)
    return found


class Outcomes(NamedTuple):
    """Of n decisions what a duplicate is answered with, beside the score; see `Verdicts`.

    Where nothing was decided yet the word is 0, and so is its revision.
    """

    actions: NDArray[np.uint8]
    chosen: NDArray[np.int8]
    reasons: NDArray[np.int8]
    releases: NDArray[np.int64]
    revisions: NDArray[np.int64]

    def packed(self) -> NDArray[np.int64]:
        """One word each: 2 bits of action, 6 of the model, 27 of the release, 8 of the revision, 7 a reason."""
        words = self.actions.astype(np.int64) | ((self.chosen.astype(np.int64) + 1) << 2) | (self.releases << 8) | (self.revisions << 35)
        for place in range(REASONS_MAX):
            words |= (self.reasons[:, place].astype(np.int64) + 1) << (43 + 7 * place)
        return words

    @staticmethod
    def unpacked(words: NDArray[np.int64]) -> "Outcomes":
        """What `packed` made the words of."""
        reasons = [((words >> (43 + 7 * place)) & 0x7F) - 1 for place in range(REASONS_MAX)]
        return Outcomes(
            (words & 3).astype(np.uint8),
            (((words >> 2) & 63) - 1).astype(np.int8),
            np.stack(reasons, axis=1).astype(np.int8),
            (words >> 8) & RELEASE_MAX,
            (words >> 35) & REVISION_MAX,
        )
