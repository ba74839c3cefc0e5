"""What is known of the events of a history: fraud or good by their labels, good by their age, or nothing."""

import numpy as np

from foundation.number_arrays import Int8s, Int64s
from patterns.matches import Bools
from pipeline.backtest.figures import LabelCoverage
from pipeline.backtest.seen_events import FRAUD, GOOD, UNKNOWN
from pipeline.replay.replay import NO_LABEL


class KnownKinds:
    """Knows what every event is.

    Args:
        marks: [events] the label of each, 1 or 0; `NO_LABEL` where there is none.
        times_ms: [events] their times.
        negative_after_ms: an event without a label counts as good from this age on, as of the newest event. Where no event has a label it
            does not: labels are not known then.
        without_event: the number of labels that are of no event.
    """

    def __init__(self, marks: Int8s, times_ms: Int64s, negative_after_ms: int, without_event: int) -> None:
        labelled = marks != NO_LABEL
        self._is_any = bool(labelled.any())
        self._negative_after_ms = negative_after_ms
        self._without_event = without_event
        self.kinds: Int8s = np.full(len(marks), UNKNOWN, np.int8)
        self.kinds[marks == 1] = FRAUD
        self.kinds[marks == 0] = GOOD
        self._by_age = np.zeros(len(marks), np.bool_)
        if self._is_any:
            self._by_age = ~labelled & (times_ms <= times_ms.max() - negative_after_ms)
            self.kinds[self._by_age] = GOOD
        self._fraud = self._good = self._good_by_age = self._unknown = 0

    def count(self, first: int, counted: Bools) -> None:
        """Counts the events of a batch that count; its first is the event `first` of the history."""
        kinds, by_age = self.kinds[first : first + len(counted)], self._by_age[first : first + len(counted)]
        self._fraud += int((counted & (kinds == FRAUD)).sum())
        self._good += int((counted & (kinds == GOOD) & ~by_age).sum())
        self._good_by_age += int((counted & by_age).sum())
        self._unknown += int((counted & (kinds == UNKNOWN)).sum())

    def coverage(self) -> LabelCoverage:
        """Returns how many of the events that count are what."""
        negative_after_ms = self._negative_after_ms if self._is_any else None
        return LabelCoverage(self._fraud, self._good, self._good_by_age, self._unknown, negative_after_ms, self._without_event)
