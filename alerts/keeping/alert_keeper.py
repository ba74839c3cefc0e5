"""Keeps alerts: it takes batches of decisions, and writes what follows from each in one transaction with how far was read.

When a write fails, the book in memory is ahead of the store. So the keeper has to begin again, from what the store says. When another
keeper has read on, the book is behind the store, and nothing of it is written.
"""

from collections.abc import Mapping, Sequence

from alerts.book.alert_book import ALERT_MAX_AGE_MS, AlertBook
from alerts.book.changes import Changes
from alerts.book.suppressions import KEPT_MAX, Suppressions
from alerts.cases.case_joining import CaseJoining
from alerts.cases.case_policy import NO_CASES, CasePolicy
from alerts.keeping.hold_keeper import HoldKeeper
from alerts.policy.alert_definition import AlertDefinition
from alerts.policy.decided_event import DecidedEvent
from alerts.telling.alert_messages import messages_of
from stores.casework.alerts import Alert, AlertEvent, Alerts, AlertWork, Silence
from stores.casework.holds import HoldChange
from stores.casework.snoozes import Snooze, Snoozes
from stores.casework.webhooks import StoredWebhook, Webhooks
from stores.offsets import Progress

ASK_AGAIN_MS = 1_000
"""Silences and webhooks are read again so often, and alerts of closed cases are looked for."""
ENDED_AT_ONCE = 1_000


class AlertKeeper:
    """Keeps alerts of some definitions. Its calls block; it is for one thread.

    Args:
        alerts, webhooks: the stores.
        definitions: the kinds of alerts.
        max_age_ms: see `AlertBook`.
        holds: keeps the holds of payments, in the same transactions; None for none.
        policy: says which alerts open cases.
        snoozes: the store of snoozes of rules; None for none.

    Attributes:
        definitions: the kinds of alerts.
        policy: as given.
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
        policy: CasePolicy = NO_CASES,
        snoozes: Snoozes | None = None,
    ) -> None:
        self._alerts = alerts
        self._webhooks = webhooks
        self._holds = holds
        self.definitions = definitions
        self.policy = policy
        self.positions = alerts.positions()
        self._book = AlertBook(definitions, alerts.firing(), alerts.spans(), max_age_ms)
        self._asked_at_ms: int | None = None
        self._silences: Sequence[Silence] = ()
        self._snooze_store = snoozes
        self._snoozes: Sequence[Snooze] = ()
        self._suppressions = Suppressions(definitions, alerts.suppressions(KEPT_MAX))
        self._receivers: Sequence[StoredWebhook] = ()
        self._ended: Mapping[str, str] = {}
        self._looked_for_ended_at_ms = 0

    def take(self, decided: Sequence[DecidedEvent], places: Mapping[str, int], now_ms: int) -> int:
        """Takes a batch of decisions, and returns how many messages it wrote.

        Args:
            decided: the decisions, in the order of each place.
            places: the offset behind the batch, by ``topic/partition``.
            now_ms: the clock, ms since the epoch.
        """
        self._ask(now_ms)
        changes = self._end(now_ms)
        heard = [self._suppressions.heard(one, self._snoozes, now_ms) for one in decided]
        counted = self._alerts.counted(key for one in heard for key in self._book.keys_of(one))
        changes.add(self._book.take(heard, counted, self._resolved(counted), self._silences, now_ms))
        holds = self._holds.changes_of(decided, self._receivers, now_ms) if self._holds else ()
        following = CaseJoining(self.policy, changes, heard, now_ms) if changes.events and self.policy.opens else None
        written = self._write(changes, places, now_ms, holds, following)
        self.positions |= places
        return written

    def tick(self, now_ms: int) -> int:
        """Does what the time brings: alerts and holds end, and alerts that fire on are told of. Returns how many messages it wrote."""
        ended = 0
        if self._holds is not None and self._holds.is_due(now_ms):
            self._ask(now_ms)
            ended = self._holds.end_due(self._receivers, now_ms)
        self._look_for_ended(now_ms)
        if not self._ended and not self._book.is_due(now_ms):
            return ended
        self._ask(now_ms)
        changes = self._end(now_ms)
        changes.add(self._book.tick(self._silences, now_ms))
        return ended + self._write(changes, {}, now_ms)

    def _ask(self, now_ms: int) -> None:
        if self._asked_at_ms is None or not self._asked_at_ms <= now_ms < self._asked_at_ms + ASK_AGAIN_MS:
            self._silences, self._receivers = self._alerts.silences(now_ms), self._webhooks.all()
            self._snoozes = () if self._snooze_store is None else self._snooze_store.holding(now_ms)
            self._asked_at_ms = now_ms

    def _look_for_ended(self, now_ms: int) -> None:
        """Looks for alerts whose cases were closed; where no alert fires there is none."""
        if self.policy.typologies and self._book.fires() and abs(now_ms - self._looked_for_ended_at_ms) >= ASK_AGAIN_MS:
            self._ended = self._alerts.ended(ENDED_AT_ONCE)
            self._looked_for_ended_at_ms = now_ms

    def _end(self, now_ms: int) -> Changes:
        """Resolves the alerts of closed cases, before what is decided afterwards joins them."""
        changes = Changes()
        for alert, why in self._ended.items():
            changes.add(self._book.resolve(alert, why, now_ms))
        return changes

    def _resolved(self, counted: Mapping[tuple[str, str], AlertEvent]) -> dict[str, Alert]:
        ids = {event.alert for event in counted.values() if event.alert}
        return self._alerts.get(sorted(ids)) if ids else {}

    def _write(
        self,
        changes: Changes,
        places: Mapping[str, int],
        now_ms: int,
        holds: Sequence[HoldChange] = (),
        cases: CaseJoining | None = None,
    ) -> int:
        messages = messages_of(changes.notices, self._receivers, now_ms)
        if places or changes.alerts or changes.spans or messages or self._ended:
            states = (list(changes.alerts.values()), list(changes.events.values()), list(changes.spans.values()))
            suppressions = self._suppressions.take_changes()
            # The book knows what this keeper has read: one that stood still must not write over what another has made of other records.
            progress = Progress(dict(self.positions), places)
            self._alerts.write(AlertWork(*states, messages, holds, cases, list(self._ended), suppressions, now_ms, progress))
            self._ended = {}
        return len(messages) + sum(change.message is not None for change in holds)
