"""One alert: decisions of one kind and group, counted, from the first one until it is resolved."""

import math
from collections.abc import Mapping
from typing import Literal

import msgspec

from patterns.language.pattern import SEVERITIES

State = Literal["firing", "resolved"]
EVENTS_SHOWN_MAX = 20
REASONS_MAX = 5
PATTERNS_MAX = 32
NEVER_MS = 1 << 60


class AlertedEvent(msgspec.Struct, frozen=True):
    """Is one of the newest events of an alert, as it is shown."""

    event_id: str
    user: str
    event_time_ms: int
    action: str
    score: float | None


class Alert(msgspec.Struct, frozen=True):
    """Is an alert. Times are ms since the epoch; those of events say so in their names, the others are the clock's.

    Args:
        id: see `alerts.policy.alert_definition.alert_id_of`.
        fingerprint: the same for all alerts of its kind and group.
        name, title: of its kind.
        group: what its decisions have in common, value by name.
        state: ``firing`` or ``resolved``.
        severity: one of `patterns.language.pattern.SEVERITIES`; it never falls.
        opened_at_ms, changed_at_ms: when it opened, and when a decision joined it last.
        first_event_ms, last_event_ms: time of its earliest and its latest event.
        events: how many events it has.
        loss: the sum of their losses.
        risk, risk_at_ms: the maximum of its scores, decayed until then.
        patterns: rules that matched, at most `PATTERNS_MAX`.
        reasons: of its opening decision.
        newest: its newest events, the newest first, at most `EVENTS_SHOWN_MAX`.
        entities: the newest event's entities.
        is_stale: whether all its decisions were older than `alert_max_age` when they came, so that nobody is told.
        muted_by: why nobody is told at the moment; empty otherwise.
        is_beyond_limit: whether it is one of those of which receivers learn the number alone.
        told: how many of its events somebody was told of.
        tell_at_ms: when somebody is told next if events have joined; None before it was told first.
        resolved_at_ms, resolution: when and why it ended; None and empty before.
        version: the number of its changes, from 1 on.
    """

    id: str
    fingerprint: str
    name: str
    title: str
    group: Mapping[str, str]
    state: State
    severity: str
    opened_at_ms: int
    changed_at_ms: int
    first_event_ms: int
    last_event_ms: int
    events: int
    loss: float
    risk: float
    risk_at_ms: int
    patterns: tuple[str, ...]
    reasons: tuple[str, ...]
    newest: tuple[AlertedEvent, ...]
    entities: Mapping[str, str]
    is_stale: bool
    muted_by: str = ""
    is_beyond_limit: bool = False
    told: int = 0
    tell_at_ms: int | None = None
    resolved_at_ms: int | None = None
    resolution: str = ""
    version: int = 1

    def risk_now(self, now_ms: int, half_life_ms: int) -> float:
        """Returns the risk at `now_ms`; a clock that was set back does not raise it."""
        return self.risk * math.exp2(-max(0, now_ms - self.risk_at_ms) / half_life_ms)

    def below_risk_at_ms(self, bound: float, half_life_ms: int) -> int:
        """Returns since when the risk is below `bound` if nothing joins: `risk_at_ms` if it is already."""
        if self.risk < bound:
            return self.risk_at_ms
        halvings = math.log2(self.risk / bound) if bound > 0 else math.inf
        return NEVER_MS if halvings > 1e6 else self.risk_at_ms + int(halvings * half_life_ms) + 1


def more_severe(one: str, other: str) -> str:
    """Returns the greater of two severities."""
    return max(one, other, key=SEVERITIES.index)
