"""Keeps holds: decisions begin and end them, and the time ends those that nobody else has ended."""

from collections.abc import Sequence

from alerts.holding.hold_steps import ended_by_decision, ended_by_time, held, told
from alerts.policy.decided_event import DecidedEvent
from patterns.hold_policy import HoldPolicy
from stores.casework.holds import Hold, HoldChange, Holds
from stores.casework.webhooks import StoredWebhook

DUE_AT_ONCE = 500
LOOK_MS = 1_000
"""So often the store is asked which hold ends next, since others may have ended one, or made it last again."""


class HoldKeeper:
    """Keeps holds. Its calls block; it is for one thread.

    Args:
        holds: the store.
        policy: which decisions hold; None for none, and then only holds from before are ended.

    Raises:
        StoreUnavailableError: any call; the store does not answer. Make a new keeper then.
    """

    def __init__(self, holds: Holds, policy: HoldPolicy | None) -> None:
        self._holds = holds
        self._policy = policy
        self._due_ms = holds.next_due_ms()
        self._looked_ms: int | None = None

    def changes_of(self, decided: Sequence[DecidedEvent], webhooks: Sequence[StoredWebhook], now_ms: int) -> list[HoldChange]:
        """Returns what follows from a batch of decisions. A decision that comes again changes nothing."""
        concerned = [one for one in decided if one.revision or held(one, self._policy)]
        if not concerned:
            return []
        known = self._holds.of_events(one.key for one in concerned)
        changes: list[HoldChange] = []
        for one in concerned:
            before, new = known.get(one.key), held(one, self._policy)
            if before is not None and before.revision >= one.revision:
                continue
            if before is not None and before.state == "held":
                changes.append(told(ended_by_decision(before, one, new is not None), webhooks, now_ms))
            if new is not None:
                known[one.key] = new
                changes.append(told(new, webhooks, now_ms))
                self._due_ms = min(new.until_ms, self._due_ms or new.until_ms)
        return changes

    def end_due(self, webhooks: Sequence[StoredWebhook], now_ms: int) -> int:
        """Ends holds whose time has come, and returns how many messages it wrote."""
        due: list[Hold] = self._holds.due(now_ms, DUE_AT_ONCE)
        ended = self._holds.change([told(ended_by_time(hold, now_ms), webhooks, now_ms) for hold in due]) if due else []
        self._due_ms = self._holds.next_due_ms()
        return len(ended)

    def is_due(self, now_ms: int) -> bool:
        """Returns whether a hold has to be ended at `now_ms`; it asks the store once in `LOOK_MS` at most, and never if nothing is held."""
        if self._due_ms is None and self._policy is None:
            return False
        if self._looked_ms is None or not self._looked_ms <= now_ms < self._looked_ms + LOOK_MS:
            self._looked_ms, self._due_ms = now_ms, self._holds.next_due_ms()
        return self._due_ms is not None and self._due_ms <= now_ms
