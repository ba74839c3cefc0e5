"""Counts the matches of a rule in a sliding window of event time, for its budget.

A window is kept as counts of short spans, so that its size does not depend on the number of matches. It never counts more than the window
holds, and up to a sixtieth of the window less; so a rule is never stopped too early.
"""

import msgspec

from patterns.language.pattern import Budget

SPANS = 60
"""A window is counted in so many spans."""


class BudgetWindow(msgspec.Struct):
    """Holds the counts of one rule.

    Args:
        per_ms: the length of the window; counts of another length are of no use.
        spans: number of matches by the number of the span since the epoch.
    """

    per_ms: int
    spans: dict[int, int] = {}

    def spend(self, time_ms: int, newest_ms: int, budget: Budget) -> bool:
        """Counts a match, and tells whether the matches within the window are more than the budget allows.

        A match that is older than the window before the newest event that was decided is not counted: it is of a redrive or late, and says
        nothing of what the rule does now.

        Args:
            time_ms: event time of the match.
            newest_ms: the greatest event time that was decided so far, this event's included.
        """
        if self.per_ms != budget.per_ms:
            self.per_ms, self.spans = budget.per_ms, {}
        if time_ms <= newest_ms - self.per_ms:
            return False
        span_ms = max(1, self.per_ms // SPANS)
        count = self.per_ms // span_ms
        own = time_ms // span_ms
        oldest = (newest_ms - self.per_ms) // span_ms - count
        self.spans = {span: matches for span, matches in self.spans.items() if span > oldest}
        self.spans[own] = self.spans.get(own, 0) + 1
        return self._greatest(own, count) > budget.matches

    def _greatest(self, own: int, count: int) -> int:
        """Returns the greatest number of matches in `count` spans that follow each other and hold the span `own`."""
        near = [self.spans.get(span, 0) for span in range(own - count + 1, own + count)]
        total = greatest = sum(near[:count])
        for gone, come in zip(near, near[count:], strict=False):
            total += come - gone
            greatest = max(greatest, total)
        return greatest
