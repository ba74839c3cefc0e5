"""What the counters of a backtest see of a batch: both decisions of each event that counts, its matches, and what is known of it."""

from dataclasses import dataclass

import numpy as np

from features.schema.batch import Batch
from foundation.number_arrays import Float64s, Int8s, Int64s
from patterns.matches import Bools, Matches
from pipeline.backtest.figures import Caught, Counts
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.event_keys import event_keys

UNKNOWN, FRAUD, GOOD = range(3)
KINDS = ("unknown", "fraud", "good")
"""What is known of an event, by code."""
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class SeenEvents:
    """Holds n events of one batch.

    Args:
        before, after: what the rules in force decide, and those with the candidate.
        counted: [n] whether the event counts: it has a decision of its own, and its time is in the span.
        kinds: [n] codes of `KINDS`.
        values: [n] of the field that is summed; NaN where missing, and everywhere if none is.
        users: [n] a number for each user.
    """

    batch: Batch
    before: Verdicts
    after: Verdicts
    counted: Bools
    kinds: Int8s
    values: Float64s
    users: Int64s

    def pairs(self) -> tuple[Int64s, Int64s]:
        """Returns rows and positions of rules of the matches of all rules, those in shadow among them, of the events that count."""
        matches: Matches = self.before.matches
        kept = self.counted[matches.events]
        return matches.events[kept], matches.rules[kept]

    def hidden(self) -> Int64s:
        """Returns the positions of rules of the matches that exceptions hid."""
        hidden = self.before.matches.hidden
        kept: Int64s = hidden.rules[self.counted[hidden.events]]
        return kept


def users_of(batch: Batch) -> Int64s:
    """Returns 64 bits of a hash of each event's user."""
    return event_keys(np.zeros(len(batch), np.int64), batch.users)


class Counter:
    """Counts events by what is known of them."""

    def __init__(self) -> None:
        self._each = np.zeros(len(KINDS), np.int64)

    def add(self, kinds: Int8s) -> None:
        """Takes in events with these `kinds`."""
        self._each += np.bincount(kinds, minlength=len(KINDS))

    def counts(self) -> Counts:
        """Returns what was counted."""
        return counts_of(self._each)


def counts_of(each: Int64s) -> Counts:
    """Returns counts by code of `KINDS` by their names."""
    return Counts(int(each.sum()), int(each[FRAUD]), int(each[GOOD]), int(each[UNKNOWN]))


def caught_of(counts: Counts, all_fraud: int) -> Caught:
    """Returns `counts` with their precision, its interval and their recall, where there are `all_fraud` among all events."""
    known = counts.fraud + counts.good
    recall = counts.fraud / all_fraud if all_fraud else None
    if not known:
        return Caught(counts, None, None, None, recall)
    precision = counts.fraud / known
    middle = (precision + _Z * _Z / (2 * known)) / (1 + _Z * _Z / known)
    half = _Z / (1 + _Z * _Z / known) * (precision * (1 - precision) / known + _Z * _Z / (4 * known * known)) ** 0.5
    return Caught(counts, precision, max(middle - half, 0.0), min(middle + half, 1.0), recall)


class Distinct:
    """Counts different numbers; it holds 8 bytes for each."""

    _WAITING_MAX = 1 << 20

    def __init__(self) -> None:
        self._known = np.zeros(0, np.int64)
        self._waiting: list[Int64s] = []
        self._waiting_count = 0

    def add(self, numbers: Int64s) -> None:
        """Takes in `numbers`."""
        if len(numbers):
            own = np.unique(numbers)
            self._waiting.append(own)
            self._waiting_count += len(own)
            if self._waiting_count > self._WAITING_MAX:
                self._settle()

    def count(self) -> int:
        """Returns how many different ones there were."""
        self._settle()
        return len(self._known)

    def _settle(self) -> None:
        self._known = np.unique(np.concatenate([self._known, *self._waiting]))
        self._waiting, self._waiting_count = [], 0
