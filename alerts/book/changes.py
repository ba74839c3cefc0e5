"""What follows from decisions, or from the time: all of it is written in one transaction."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from stores.casework.alerts import Alert, AlertEvent, Span

Told = Literal["opened", "updated", "resolved"]


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

    def add(self, later: "Changes") -> None:
        """Adds what happened after these changes."""
        self.alerts |= later.alerts
        self.events |= later.events
        self.spans |= later.spans
        self.notices += later.notices
