"""Counts the events whose decisions differ, with examples: the dearest ones, or the first where nothing is summed."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from patterns.matches import Bools
from patterns.policy import ACTIONS, DECIDERS
from pipeline.backtest.figures import Changed, Counterexamples, Counts, Decided, Example, Flip, People, Value
from pipeline.backtest.seen_events import FRAUD, GOOD, KINDS, Counter, Distinct, SeenEvents, caught_of
from pipeline.backtest.side_by_side import SideBySide

EXAMPLES_MAX = 10


class _Ranked(NamedTuple):
    """An example with what it is ranked by: a lower one comes first."""

    minus_value: float
    place: int
    example: Example


class ChangedCounter:
    """Counts events whose decisions differ in one way.

    Args:
        both: the rules of both decisions.
    """

    def __init__(self, both: SideBySide) -> None:
        self._both = both
        self._counts, self._users = Counter(), Distinct()
        self._sum, self._lacking, self._place = 0.0, 0, 0
        self._ranked: list[_Ranked] = []

    def add(self, seen: SeenEvents, which: Bools) -> None:
        """Takes in the events of a batch that `which` selects."""
        rows = np.flatnonzero(which)
        if not len(rows):
            return
        self._counts.add(seen.kinds[rows])
        self._users.add(seen.users[rows])
        values = seen.values[rows]
        self._sum += float(np.nansum(values))
        self._lacking += int(np.isnan(values).sum())
        ranks = np.where(np.isnan(values), 0.0, -values)
        for at in np.argsort(ranks, kind="stable")[:EXAMPLES_MAX].tolist():
            self._ranked.append(_Ranked(float(ranks[at]), self._place + at, self._example(seen, int(rows[at]), values[at])))
        self._ranked = sorted(self._ranked, key=lambda each: each[:2])[:EXAMPLES_MAX]
        self._place += len(rows)

    def changed(self) -> Changed:
        """Returns what was counted."""
        examples = [each.example for each in self._ranked]
        return Changed(self._counts.counts(), self._users.count(), Value(self._sum, self._lacking), examples)

    def _example(self, seen: SeenEvents, row: int, value: float) -> Example:
        score = float(seen.after.scores[row])
        matches = seen.before.matches
        rules = matches.rules[matches.events == row]
        return Example(
            event_id=seen.batch.ids[row],
            user=seen.batch.users[row],
            event_time=int(seen.batch.times_ms[row]),
            from_=ACTIONS[seen.before.actions[row]],
            to=ACTIONS[seen.after.actions[row]],
            by=DECIDERS[seen.after.deciders[row]],
            known=KINDS[seen.kinds[row]],
            score=None if score != score else score,
            value=None if value != value else float(value),
            rules=sorted({self._both.pattern(rule).id for rule in rules.tolist() if rule in self._both.changed}),
        )


class FlipCounts:
    """Counts decisions that differ, by both actions, and those of them that are better or worse for it.

    Args:
        both: the rules of both decisions.
    """

    def __init__(self, both: SideBySide) -> None:
        pairs = [(before, after) for before in range(len(ACTIONS)) for after in range(len(ACTIONS)) if before != after]
        self._flips = {pair: ChangedCounter(both) for pair in pairs}
        self._fraud_stopped, self._good_released, self._good_stopped, self._fraud_released = (ChangedCounter(both) for _ in range(4))
        self._matched, self._stricter, self._milder, self._good_people = (Distinct() for _ in range(4))
        self._both = both

    def add(self, seen: SeenEvents, matched: Bools) -> None:
        """Takes in a batch.

        Args:
            matched: [n] whether a rule of the candidate matched.
        """
        before, after = seen.before.actions, seen.after.actions
        self._matched.add(seen.users[matched])
        differ = seen.counted & (before != after)
        if not np.count_nonzero(differ):
            return
        for (from_, to), counter in self._flips.items():
            counter.add(seen, differ & (before == from_) & (after == to))
        stopped, released = differ & (before == 0), differ & (after == 0)
        fraud, good = seen.kinds == FRAUD, seen.kinds == GOOD
        self._fraud_stopped.add(seen, stopped & fraud)
        self._good_released.add(seen, released & good)
        self._good_stopped.add(seen, stopped & good)
        self._fraud_released.add(seen, released & fraud)
        self._stricter.add(seen.users[differ & (after > before)])
        self._milder.add(seen.users[differ & (after < before)])
        self._good_people.add(seen.users[stopped & good])

    def flips(self) -> list[Flip]:
        """Returns the ways in which decisions differ, the most frequent first."""
        found = [Flip(ACTIONS[before], ACTIONS[after], counter.changed()) for (before, after), counter in self._flips.items()]
        return sorted((flip for flip in found if flip.changed.counts.events), key=lambda flip: -flip.changed.counts.events)

    def counterexamples(self) -> Counterexamples:
        """Returns those with a label that get better or worse."""
        return Counterexamples(
            self._fraud_stopped.changed(), self._good_released.changed(), self._good_stopped.changed(), self._fraud_released.changed()
        )

    def people(self) -> People:
        """Returns how many users are concerned."""
        return People(self._matched.count(), self._stricter.count(), self._milder.count(), self._good_people.count())


class DecisionCounts:
    """Counts actions of one of the two decisions by what is known of their events."""

    def __init__(self) -> None:
        self._actions = [Counter() for _ in ACTIONS]

    def add(self, actions: NDArray[np.uint8], seen: SeenEvents) -> None:
        """Takes in the `actions` of a batch."""
        for code, counter in enumerate(self._actions):
            counter.add(seen.kinds[seen.counted & (actions == code)])

    def decided(self) -> Decided:
        """Returns what was counted."""
        actions = {name: counter.counts() for name, counter in zip(ACTIONS, self._actions, strict=True)}
        every, stopped = list(actions.values()), list(actions.values())[1:]
        return Decided(actions, caught_of(_sum(stopped), _sum(every).fraud))


def _sum(counts: list[Counts]) -> Counts:
    columns = zip(*((each.events, each.fraud, each.good, each.unknown) for each in counts), strict=True)
    return Counts(*(sum(column) for column in columns))
