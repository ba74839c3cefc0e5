"""Decisions on one event, one after the other: their numbers, and what its repeats are answered with."""

import numpy as np
from numpy.typing import NDArray

from features.layout import DUPLICATE
from features.profile import Profiles
from pipeline.reasons import REVISION_MAX, Outcomes
from pipeline.verdicts import CORRECTED, RETRACTED, REVISED, UNDECIDED, UNKNOWN, Verdicts


def number_revisions(verdicts: Verdicts, arena: Profiles) -> None:
    """Numbers the decisions on corrected and retracted events: one more than the last, also where that is of this batch.

    One above `REVISION_MAX` is no decision any more, and its event UNKNOWN.
    """
    revised = np.flatnonzero(verdicts.are(REVISED))
    if not len(revised):
        return
    before = Outcomes.unpacked(arena.recall(verdicts.rows[revised])[1]).revisions
    times: dict[int, int] = {}
    for at, row, revision in zip(revised.tolist(), verdicts.rows[revised].tolist(), before.tolist(), strict=True):
        times[row] = times.get(row, 0) + 1
        verdicts.revisions[at] = min(revision + times[row], REVISION_MAX + 1)
    beyond = verdicts.revisions > REVISION_MAX
    verdicts.flags[beyond] = verdicts.flags[beyond] & ~np.uint8(REVISED) | UNKNOWN


def remember(verdicts: Verdicts, arena: Profiles) -> None:
    """Keeps what was decided beside each event, and gives the duplicates of this batch what was decided before them."""
    decided, repeated = ~verdicts.are(UNDECIDED), np.flatnonzero(verdicts.are(DUPLICATE))
    if not verdicts.are(REVISED).any():
        _keep(verdicts, np.flatnonzero(decided), arena)
        answers = arena.recall(verdicts.rows[repeated])
    else:
        answers = arena.recall(verdicts.rows[repeated])
        newest, sources = _newest_decisions(verdicts)
        _keep(verdicts, newest, arena)
        here = sources >= 0
        answers[0][here] = verdicts.scores[sources[here]]
        answers[1][here] = _outcomes(verdicts, sources[here]).packed()
    verdicts.scores[~decided] = np.nan
    _answer(verdicts, repeated, *answers)


def _newest_decisions(verdicts: Verdicts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where in the batch the last decision on each row stands, and for each duplicate the last one before it; -1: none."""
    newest: dict[int, int] = {}
    sources = []
    for at, (row, flags) in enumerate(zip(verdicts.rows.tolist(), verdicts.flags.tolist(), strict=True)):
        if flags & DUPLICATE:
            sources.append(newest.get(row, -1))
        elif not flags & UNDECIDED and row >= 0:
            newest[row] = at
    return np.array(list(newest.values()), np.int64), np.array(sources, np.int64)


def _outcomes(verdicts: Verdicts, at: NDArray[np.int64]) -> Outcomes:
    return Outcomes(
        verdicts.actions[at],
        verdicts.chosen[at],
        verdicts.reasons[at],
        verdicts.releases[at],
        verdicts.revisions[at],
        verdicts.are(RETRACTED)[at],
    )


def _keep(verdicts: Verdicts, at: NDArray[np.int64], arena: Profiles) -> None:
    arena.remember(verdicts.rows[at], verdicts.scores[at], _outcomes(verdicts, at).packed())


def _answer(verdicts: Verdicts, repeated: NDArray[np.int64], scores: NDArray[np.float64], words: NDArray[np.int64]) -> None:
    if not len(repeated):
        return
    newest = Outcomes.unpacked(words)
    verdicts.scores[repeated] = scores
    verdicts.actions[repeated], verdicts.chosen[repeated] = newest.actions, newest.chosen
    verdicts.reasons[repeated], verdicts.releases[repeated] = newest.reasons, newest.releases
    verdicts.revisions[repeated] = newest.revisions
    corrected = np.where(newest.revisions > 0, np.uint8(CORRECTED), np.uint8(0))
    verdicts.flags[repeated] |= np.where(newest.retracted, np.uint8(RETRACTED), corrected)
