"""Counts what each rule did that differs with the candidate, alone and beside the others."""

import numpy as np

from foundation.number_arrays import Int64s
from patterns.lifecycle.promotion import Measured, unmet
from patterns.matches import Bools
from pipeline.backtest.budget_trips import BudgetCounter
from pipeline.backtest.figures import Counts, Overlap, RuleFigures
from pipeline.backtest.seen_events import KINDS, Counter, Distinct, SeenEvents, caught_of, counts_of
from pipeline.backtest.side_by_side import ABSENT, SideBySide

OVERLAPS_MAX = 20
"""Of the rules that match the same events so many are named, those that do so most often first."""


class _OneRule:
    """Counts one rule.

    Args:
        both: the rules of both decisions.
        at: the position of the rule.
    """

    def __init__(self, both: SideBySide, at: int) -> None:
        self.pattern = both.pattern(at)
        self.matched, self.alone, self.uncaught = Counter(), Counter(), Counter()
        self.users = Distinct()
        self.both = np.zeros((len(both.rules.rules), len(KINDS)), np.int64)
        self.budget = BudgetCounter(self.pattern.budget) if self.pattern.budget is not None else None
        self._at = at

    def add(self, seen: SeenEvents, rows: Int64s, events: Int64s, rules: Int64s, acting: Int64s) -> None:
        """Takes in a batch.

        Args:
            rows: of the events that the rule matched.
            events, rules: the matches of all rules.
            acting: how many other rules that act matched, for each of `rows`.
        """
        kinds = seen.kinds[rows]
        self.matched.add(kinds)
        self.alone.add(kinds[acting == 0])
        self.uncaught.add(kinds[seen.before.actions[rows] == 0])
        self.users.add(seen.users[rows])
        if self.budget is not None:
            self.budget.add(seen.batch.times_ms[rows])
        own = np.zeros(len(seen.counted), np.bool_)
        own[rows] = True
        shared = own[events]
        cells = rules[shared] * len(KINDS) + seen.kinds[events[shared]]
        self.both += np.bincount(cells, minlength=self.both.size).reshape(self.both.shape)


class RuleCounts:
    """Counts the rules that differ.

    Args:
        both: the rules of both decisions.
    """

    def __init__(self, both: SideBySide) -> None:
        self._both = both
        self._changed = {at: _OneRule(both, at) for at in both.changed}
        self._matches = np.zeros(len(both.rules.rules), np.int64)
        self._hidden = np.zeros(len(both.rules.rules), np.int64)
        self._failures_before = both.rules.errors.copy(), both.rules.skips.copy()

    def add(self, seen: SeenEvents) -> None:
        """Takes in a batch."""
        self._hidden += np.bincount(seen.hidden(), minlength=len(self._hidden))
        events, rules = seen.pairs()
        if not len(events):
            return
        self._matches += np.bincount(rules, minlength=len(self._matches))
        acting = np.bincount(events[self._both.after[rules] > 0.0], minlength=len(seen.counted))
        for at in np.unique(rules).tolist():
            if at in self._changed:
                rows = events[rules == at]
                others = acting[rows] - int(self._both.after[at] > 0.0)
                self._changed[at].add(seen, rows, events, rules, others)

    def figures(self, all_events: int, all_fraud: int) -> list[RuleFigures]:
        """Returns what was counted, the candidate's rules first.

        Args:
            all_events, all_fraud: the number of events that count, and of those that are known to be fraud.
        """
        found = [self._figures_of(at, counts, all_events, all_fraud) for at, counts in self._changed.items()]
        return sorted(found, key=lambda each: (each.role != "candidate", each.id))

    def _figures_of(self, at: int, own: _OneRule, all_events: int, all_fraud: int) -> RuleFigures:
        counts = own.matched.counts()
        role = self._role(at)
        measured = Measured(all_events, counts.events, counts.fraud, counts.good)
        return RuleFigures(
            id=own.pattern.id,
            version=own.pattern.version,
            texts=own.pattern.texts,
            hash=self._both.rules.rules[at].standing.hash,
            role=role,
            caught=caught_of(counts, all_fraud),
            share=counts.events / all_events if all_events else 0.0,
            users=own.users.count(),
            hidden=int(self._hidden[at]),
            alone=own.alone.counts(),
            uncaught=own.uncaught.counts(),
            errors=int((self._both.rules.errors - self._failures_before[0])[at]),
            skips=int((self._both.rules.skips - self._failures_before[1])[at]),
            overlaps=self._overlaps(at, own, counts),
            budget=own.budget.trips() if own.budget is not None else None,
            unmet=unmet(own.pattern.promote, measured) if role == "candidate" else [],
        )

    def _role(self, at: int) -> str:
        if self._both.after[at] != ABSENT:
            return "candidate"
        ids = [self._both.pattern(other).id for other in self._changed if self._both.after[other] != ABSENT]
        return "replaced" if self._both.pattern(at).id in ids else "without"

    def _overlaps(self, at: int, own: _OneRule, counts: Counts) -> list[Overlap]:
        shared = own.both.sum(axis=1)
        shared[at] = 0
        most = np.argsort(-shared, kind="stable")[:OVERLAPS_MAX]
        return [
            Overlap(
                rule=self._both.pattern(other).id,
                version=self._both.pattern(other).version,
                both=counts_of(own.both[other]),
                only_this=counts.events - int(shared[other]),
                only_other=int(self._matches[other] - shared[other]),
            )
            for other in most.tolist()
            if shared[other]
        ]


def matched_by(seen: SeenEvents, positions: Int64s) -> Bools:
    """Tells which of n events count and were matched by one of the rules at `positions`."""
    events, rules = seen.pairs()
    matched = np.zeros(len(seen.counted), np.bool_)
    matched[events[np.isin(rules, positions)]] = True
    return matched
