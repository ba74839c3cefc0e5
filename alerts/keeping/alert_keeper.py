"""Keeps alerts: it takes batches of decisions, and writes what follows from each in one transaction with how far was read.

When a write fails, the book in memory is ahead of the store. So the keeper has to begin again, from what the store says.
"""

from collections.abc import Mapping, Sequence

from alerts.book.alert_book import ALERT_MAX_AGE_MS, AlertBook
from alerts.book.changes import Changes
from alerts.keeping.hold_keeper import HoldKeeper
from alerts.policy.alert_definition import AlertDefinition
from alerts.policy.decided_event import DecidedEvent
from alerts.telling.alert_messages import messages_of
from stores.alerts import Alert, AlertEvent, Alerts, AlertWork, Silence
from stores.holds import HoldChange
from stores.webhooks import StoredWebhook, Webhooks

ASK_AGAIN_MS = 1_000
"""Silences and webhooks are read again so often."""


class AlertKeeper:
    """Keeps alerts of some definitions. Its calls block; it is for one thread.

    Args:
        alerts, webhooks: the stores.
        definitions: the kinds of alerts.
        max_age_ms: see `AlertBook`.
        holds: keeps the holds of payments, in the same transactions; None for none.

    Attributes:
        definitions: the kinds of alerts.
        positions: the offset to go on from, by ``topic/partition``.

    Raises:
        StoreUnavailableError: any call; the store does not answer. Make a new keeper then.
        OtherReaderError: `take` and `tick`; another process keeps alerts, too. Make a new keeper then.
    """

    def __init__(
        self,
        alerts: Alerts,
        webhooks: Webhooks,
        definitions: Sequence[AlertDefinition],
        max_age_ms: int = ALERT_MAX_AGE_MS,
        holds: HoldKeeper | None = None,
    ) -> None:
        self._alerts = alerts
        self._webhooks = webhooks
        self._holds = holds
        self.definitions = definitions
        self.positions = alerts.positions()
        self._book = AlertBook(definitions, alerts.firing(), alerts.spans(), max_age_ms)
        self._asked_at_ms: int | None = None
        self._silences: Sequence[Silence] = ()
        self._receivers: Sequence[StoredWebhook] = ()

    def take(self, decided: Sequence[DecidedEvent], places: Mapping[str, int], now_ms: int) -> int:
        """Takes a batch of decisions, and returns how many messages it wrote.

        Args:
            decided: the decisions, in the order of each place.
            places: the offset behind the batch, by ``topic/partition``.
            now_ms: the clock, ms since the epoch.
        """
        self._ask(now_ms)
        counted = self._alerts.counted(key for one in decided for key in self._book.keys_of(one))
        changes = self._book.take(decided, counted, self._resolved(counted), self._silences, now_ms)
        holds = self._holds.changes_of(decided, self._receivers, now_ms) if self._holds else ()
        written = self._write(changes, {place: (self.positions.get(place), after) for place, after in places.items()}, now_ms, holds)
        self.positions |= places
        return written

    def tick(self, now_ms: int) -> int:
        """Does what the time brings: alerts and holds end, and alerts that fire on are told of. Returns how many messages it wrote."""
        ended = 0
        if self._holds is not None and self._holds.is_due(now_ms):
            self._ask(now_ms)
            ended = self._holds.end_due(self._receivers, now_ms)
        if not self._book.is_due(now_ms):
            return ended
        self._ask(now_ms)
        return ended + self._write(self._book.tick(self._silences, now_ms), {}, now_ms)

    def _ask(self, now_ms: int) -> None:
        if self._asked_at_ms is None or not self._asked_at_ms <= now_ms < self._asked_at_ms + ASK_AGAIN_MS:
            self._silences, self._receivers = self._alerts.silences(now_ms), self._webhooks.all()
            self._asked_at_ms = now_ms

    def _resolved(self, counted: Mapping[tuple[str, str], AlertEvent]) -> dict[str, Alert]:
        ids = {event.alert for event in counted.values() if event.alert}
        return self._alerts.get(sorted(ids)) if ids else {}

    def _write(self, changes: Changes, places: Mapping[str, tuple[int | None, int]], now_ms: int, holds: Sequence[HoldChange] = ()) -> int:
        messages = messages_of(changes.notices, self._receivers, now_ms)
        if places or changes.alerts or changes.spans or messages:
            states = (list(changes.alerts.values()), list(changes.events.values()), list(changes.spans.values()))
            self._alerts.write(AlertWork(places, *states, messages, holds))
        return len(messages) + sum(change.message is not None for change in holds)
