"""Bounds how many alerts of a kind are told one by one; of the others the number is told when the span of the limit ends."""

from collections.abc import Iterable

import msgspec

from alerts.book.changes import Changes, Flood
from alerts.policy.alert_definition import Limit
from stores.casework.alerts import Span

UNTOLD_MAX = 10_000
"""So many alerts of one kind fire of which nobody was told, beyond its limit or muted; of further ones the number alone is kept, because
each takes room in memory."""


class FloodGate:
    """Counts alerts that are told, by kind.

    Args:
        spans: the spans as the store has them.
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = {span.name: span for span in spans}

    @property
    def has_spans(self) -> bool:
        """Whether a span may have to be ended."""
        return bool(self._spans)

    def admits(self, name: str, limit: Limit | None, changes: Changes, now_ms: int) -> bool:
        """Counts one more alert of the kind `name`, and returns whether it is told by itself."""
        if limit is None:
            return True
        self._end(name, limit.per_ms, changes, now_ms)
        span = self._spans.get(name) or Span(name, now_ms)
        is_admitted = span.told < limit.alerts
        told, more = span.told + is_admitted, span.more + (not is_admitted)
        self._spans[name] = changes.spans[name] = msgspec.structs.replace(span, told=told, more=more)
        return is_admitted

    def is_shut(self, name: str, untold: int, changes: Changes, now_ms: int) -> bool:
        """Returns whether no alert of the kind `name` may open, because nobody was told of `untold`; then it is counted as one more."""
        if untold < UNTOLD_MAX:
            return False
        span = self._spans.get(name) or Span(name, now_ms)
        self._spans[name] = changes.spans[name] = msgspec.structs.replace(span, more=span.more + 1)
        return True

    def tick(self, limits: dict[str, Limit | None], changes: Changes, now_ms: int) -> None:
        """Ends spans whose time has come."""
        for name in list(self._spans):
            limit = limits.get(name)
            self._end(name, limit.per_ms if limit else 0, changes, now_ms)

    def _end(self, name: str, per_ms: int, changes: Changes, now_ms: int) -> None:
        """A clock that was set back ends a span, too: it would last too long otherwise."""
        span = self._spans.get(name)
        if span is None or span.since_ms <= now_ms < span.since_ms + per_ms:
            return
        if span.more:
            changes.notices.append(Flood(name, span.since_ms, max(now_ms, span.since_ms), span.more))
        if span.told or span.more:
            self._spans[name] = changes.spans[name] = Span(name, now_ms)
