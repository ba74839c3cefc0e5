"""What follows from decisions, or from the time: all of it is written in one transaction."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from alerts.book.alert import Alert

Told = Literal["opened", "updated", "resolved"]


class AlertEvent(msgspec.Struct, frozen=True):
    """Says that an event counts in an alert of the kind `name`.

    Args:
        key: of the event (see `alerts.policy.decided_event.DecidedEvent`).
        revision: of the newest decision on it that was counted.
        alert: the id of the alert; empty for an event that no longer counts, because a later revision does not meet the definition.
        loss: what it added to the alert's.
    """

    name: str
    key: str
    revision: int
    alert: str
    loss: float


class Span(msgspec.Struct, frozen=True):
    """Counts the alerts of one kind in one span of its limit: those that were `told`, and `more` of which nobody was."""

    name: str
    since_ms: int
    told: int = 0
    more: int = 0


class Notice(msgspec.Struct, frozen=True):
    """Is to be told to receivers: what happened to an alert, and the alert as it is then."""

    what: Told
    alert: Alert


class Flood(msgspec.Struct, frozen=True):
    """Is to be told to receivers: of a kind of alerts `more` opened than its limit allows to tell one by one, in [since_ms, until_ms)."""

    name: str
    since_ms: int
    until_ms: int
    more: int


@dataclass
class Changes:
    """Holds what has to be written together. Of an alert, an event and a span the last state counts."""

    alerts: dict[str, Alert] = field(default_factory=dict)
    events: dict[tuple[str, str], AlertEvent] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    notices: list[Notice | Flood] = field(default_factory=list)
