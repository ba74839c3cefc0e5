"""Defines how alerts are stored: what fires, what each event counts in, and who silences what.

What follows from a batch of decisions is written in one transaction with how far the topics were read, and with the messages that tell of
it. So a process that is killed loses and doubles nothing; of several processes one writes, and the others find that it did.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from stores.casework.deliveries import Message
from stores.casework.holds import HoldChange
from stores.offsets import Progress

if TYPE_CHECKING:
    from stores.casework.case_growth import CaseFollowing

AlertState = Literal["firing", "resolved"]
ALERT_STATES: tuple[AlertState, ...] = ("firing", "resolved")


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
        severity: one of `patterns.severities.SEVERITIES`; it never falls.
        opened_at_ms, changed_at_ms: when it opened, and when a decision joined it last.
        first_event_ms, last_event_ms: time of its earliest and its latest event.
        events: how many events it has.
        loss: the sum of their losses.
        risk, risk_at_ms: the maximum of its scores, decayed until then.
        patterns: rules that matched, a bounded number of them.
        reasons: of the decisions that opened it or brought another rule, the latest first, a bounded number of them.
        newest: its newest events, the newest first, a bounded number of them.
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
    state: AlertState
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


class AlertEvent(msgspec.Struct, frozen=True):
    """Says that an event counts in an alert of the kind `name`.

    Args:
        key: of the event (see `alerts.policy.decided_event.DecidedEvent`).
        revision: of the newest decision on it that was counted.
        alert: the id of the alert; empty for an event that no longer counts, because a later revision does not meet the definition.
        loss: what it added to the alert's.
        user, event_id, event_time_ms: which event it is.
        at_ms: when it was counted, ms since the epoch; 0 where that was not kept yet, as is the case for what follows.
        action, score, probability: of the decision; None without one.
        rules: ids of the rules that matched and act, with commas between them.
        model: the model whose score made the decision; empty where something else did.
    """

    name: str
    key: str
    revision: int
    alert: str
    loss: float
    user: str
    event_id: str
    event_time_ms: int
    at_ms: int = 0
    action: str = ""
    score: float | None = None
    probability: float | None = None
    rules: str = ""
    model: str = ""


class Span(msgspec.Struct, frozen=True):
    """Counts the alerts of one kind in one span of its limit: those that were `told`, and `more` of which nobody was."""

    name: str
    since_ms: int
    told: int = 0
    more: int = 0


class Silence(msgspec.Struct, frozen=True):
    """Silences all alerts that have each of these values, from `from_ms` (inclusive) until `until_ms` (exclusive), ms since the epoch.

    Args:
        id: 32 hexadecimal digits.
        matchers: value by name: a kind of entity, ``alertname`` or ``severity``.
        by, comment: who silences, and why.
    """

    id: str
    matchers: Mapping[str, str]
    from_ms: int
    until_ms: int
    by: str
    comment: str


OF_SNOOZE = "snooze/"
"""Begins the key of a suppression that is a snooze; its id follows."""


class Suppression(msgspec.Struct, frozen=True):
    """Says since when a rule is silenced for events with some values, or by a snooze, and how many of its alerts that has silenced.

    Args:
        pattern: the rule.
        key: what the values have in common, or `OF_SNOOZE` and the id of the snooze.
        fields: the values.
        opened_by: the key of the event that was alerted last; '' of a snooze.
        since_ms, until_ms: the time of that event, and the last moment at which others are silenced; of a snooze by the clock, exclusive.
        silenced: how many decisions and absences were silenced.
    """

    pattern: str
    key: str
    fields: Mapping[str, str]
    opened_by: str
    since_ms: int
    until_ms: int
    silenced: int = 0


class AlertWork(msgspec.Struct):
    """Holds what is written in one transaction.

    Args:
        alerts, events, spans: the new states.
        messages: what is told, each with the ids of the webhooks that want it.
        holds: the holds of payments that begin or end.
        cases: says what follows for cases; None where no alerts open any.
        ended: ids of alerts that were to be resolved because their cases were closed (see `Alerts.ended`), and are.
        suppressions: what silences rules, the new states.
        at_ms: the clock, ms since the epoch.
        progress: of the reading that the states were made of; None where they were made of nothing that was read.
    """

    alerts: Sequence[Alert]
    events: Sequence[AlertEvent]
    spans: Sequence[Span]
    messages: Sequence[tuple[Message, Sequence[str]]]
    holds: Sequence[HoldChange] = ()
    cases: "CaseFollowing | None" = None
    ended: Sequence[str] = ()
    suppressions: Sequence[Suppression] = ()
    at_ms: int = 0
    progress: Progress | None = None


class Alerts(Protocol):
    """Stores alerts. Any number of processes read; each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def positions(self) -> dict[str, int]:
        """Returns the offset to go on from, by ``topic/partition``."""

    def firing(self) -> list[Alert]:
        """Returns all alerts that fire."""

    def cases_of(self, alerts: Sequence[str]) -> dict[str, str]:
        """Returns the id of the case that each alert is in, by the ids of those that are in one."""

    def resolved_since(self, since_ms: int) -> list[Alert]:
        """Returns the alerts that were resolved at `since_ms` (inclusive) or later."""

    def spans(self) -> list[Span]:
        """Returns the spans of limits."""

    def counted(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], AlertEvent]:
        """Returns what was counted of events, by the name of the kind of alert and the key of the event."""

    def write(self, work: AlertWork) -> None:
        """Writes what follows from a batch.

        Raises:
            stores.offsets.OtherReaderError: the offsets are no longer those that the batch begins at, or `AlertWork.positions`; nothing was
                written.
        """

    def ended(self, limit: int) -> dict[str, str]:
        """Returns at most `limit` alerts that are to be resolved because their cases were closed: why, by id."""

    def get(self, ids: Sequence[str]) -> dict[str, Alert]:
        """Returns those alerts of `ids` that there are."""

    def page(
        self, states: Sequence[AlertState], names: Sequence[str], group: tuple[str, str] | None, before: tuple[int, str] | None, limit: int
    ) -> list[Alert]:
        """Returns the newest `limit` alerts by (`opened_at_ms`, `id`), newest first.

        Args:
            states, names: only those in one of these states, of one of these kinds; empty for all.
            group: only those whose group has this name and value; None for all.
            before: only those before this (`opened_at_ms`, `id`); None for all.
        """

    def changed(self, after: tuple[int, str] | None, until_ms: int, limit: int) -> list[tuple[int, Alert]]:
        """Returns the first `limit` alerts by (time of the newest change in ms since the epoch, id), each with that time.

        Args:
            after: only those behind this (time, id); None for all.
            until_ms: only those whose newest change is not later (inclusive).
        """

    def events_of(self, id: str, after: str, limit: int) -> list[AlertEvent]:
        """Returns `limit` events of an alert in the order of their keys, from behind the key `after` on."""

    def silences(self, now_ms: int) -> list[Silence]:
        """Returns the silences that have not ended at `now_ms`, those that end first before the others."""

    def suppressions(self, limit: int) -> list[Suppression]:
        """Returns what silences rules, those that hold longest."""

    def suppressions_of(self, pattern: str, limit: int) -> list[Suppression]:
        """Returns what silences a rule, or did, those that silenced most before the others."""

    def silence(self, silence: Silence) -> None:
        """Adds a silence, or changes the one with its id."""

    def forget(self, before_ms: int, limit: int) -> int:
        """Removes at most `limit` alerts that were resolved before `before_ms` (exclusive), with their events; returns how many.

        Alerts of a case stay for as long as the case does.
        """
