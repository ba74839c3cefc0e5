"""Defines how cases are stored: what is in each, who holds it, and what was done about it.

A case is changed in one transaction, by a function that is given the case as it stands then. So of two changes at once the second one sees
what the first one did, and what alerts add meanwhile is never lost.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from stores.casework.alerts import AlertEvent
from stores.casework.deliveries import Message
from stores.casework.verdicts import Verdict, VerdictWord

CaseState = Literal["open", "claimed", "snoozed", "closed"]
CASE_STATES: tuple[CaseState, ...] = ("open", "claimed", "snoozed", "closed")
NEVER_MS = 1 << 62
"""Stands for a time that does not come."""
LOSS_UNKNOWN = 1.0
"""What an event is taken to cost of which no loss is known, so that likelier fraud comes first all the same."""
EntryWord = Literal[
    "opened",
    "alert_joined",
    "alert_left",
    "claimed",
    "released",
    "assigned",
    "moved",
    "snoozed",
    "woken",
    "note",
    "verdict",
    "verdict_undone",
    "closed",
    "reopened",
]


class Case(msgspec.Struct, frozen=True):
    """Is a case: what is known against one entity of one typology, until somebody has decided. Times are ms since the epoch.

    Args:
        id: a UUID of version 7.
        entity_kind, entity_id: what it is about.
        typology, title: which kind of fraud is suspected.
        inbox: whose it is.
        state: as it was written; a claim or a snooze that has ended since then leaves it open, see `state_at`.
        opened_at_ms, opened_by: when, and by whom; empty for a case that alerts opened.
        changed_at_ms: when anything about it changed.
        severity: the greatest of its alerts.
        alerts, events: how many are in it; an event that counts in several alerts is one.
        loss: the sum of its events' losses.
        priority: the loss to be expected, the sum of probability × loss over its events.
        first_event_ms, last_event_ms: time of the earliest and the latest event; None without one.
        patterns, reasons: of its alerts, a bounded number of them.
        entities: (kind, id) of its events' entities, a bounded number of them, its own first.
        claim_by_ms, decide_by_ms: when it should be claimed and decided.
        holder, held_until_ms: who works on it, and until when nobody else may; empty and 0 without one.
        claimed_at_ms: when it was claimed first; None before.
        assigned_to: who is to work on it; empty for anybody.
        snoozed_until_ms, wakes_at_events, wakes_at_loss: of a snoozed case; it wakes at whichever comes first. None does not wake it.
        verdict: the one on all its events, or the gravest one on some; empty before.
        decided_at_ms: when a verdict was given first; None before.
        closed_at_ms, closed_by: of a closed one; None and empty otherwise.
        version: the number of its changes by people, and of those that they have to know, from 1 on.
        growth: the number of times that alerts changed it.
        entries: the number of entries about it.
    """

    id: str
    entity_kind: str
    entity_id: str
    typology: str
    title: str
    inbox: str
    state: CaseState
    opened_at_ms: int
    opened_by: str
    changed_at_ms: int
    severity: str
    claim_by_ms: int
    decide_by_ms: int
    alerts: int = 0
    events: int = 0
    loss: float = 0.0
    priority: float = 0.0
    first_event_ms: int | None = None
    last_event_ms: int | None = None
    patterns: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    entities: tuple[tuple[str, str], ...] = ()
    holder: str = ""
    held_until_ms: int = 0
    claimed_at_ms: int | None = None
    assigned_to: str = ""
    snoozed_until_ms: int | None = None
    wakes_at_events: int | None = None
    wakes_at_loss: float | None = None
    verdict: VerdictWord | Literal[""] = ""
    decided_at_ms: int | None = None
    closed_at_ms: int | None = None
    closed_by: str = ""
    version: int = 1
    growth: int = 0
    entries: int = 0


def free_at_ms(case: Case) -> int:
    """Returns from when on nobody holds the case, and it sleeps no longer."""
    if case.state == "claimed":
        return case.held_until_ms
    if case.state == "snoozed":
        return NEVER_MS if case.snoozed_until_ms is None else case.snoozed_until_ms
    return NEVER_MS if case.state == "closed" else 0


def state_at(case: Case, now_ms: int) -> CaseState:
    """Returns the state of the case at `now_ms`: a claim or a snooze that has ended leaves it open."""
    return "open" if case.state in ("claimed", "snoozed") and free_at_ms(case) <= now_ms else case.state


class CaseEntry(msgspec.Struct, frozen=True):
    """Is one thing that happened to a case.

    Args:
        number: of the entry in its case, from 1 on.
        at_ms: when, ms since the epoch.
        version: of the case behind it.
        what: it was.
        by: who did it; empty for the system.
        text: what was said with it.
        subject: what it was done to, such as the id of an alert or a verdict, or a name.
    """

    number: int
    at_ms: int
    version: int
    what: EntryWord
    by: str
    text: str = ""
    subject: str = ""


TOLD: tuple[EntryWord, ...] = (
    "opened", "claimed", "released", "assigned", "moved", "snoozed", "woken", "note", "closed", "reopened",
)  # fmt: skip
"""The entries of which receivers are told. They hear of alerts and of verdicts in messages of their own."""


class CaseNews(msgspec.Struct, frozen=True):
    """Is an entry of which receivers have yet to be told, with its case as it stands now."""

    case: Case
    entry: CaseEntry


class CaseChange(msgspec.Struct, frozen=True):
    """Says what becomes of a case.

    Args:
        case: as it is then; its `entries` count those of the change, too.
        entries: what is said of it.
        verdicts: that were given.
        undone: the id of a verdict that is taken back; empty for none.
        undone_at_ms: when that is.
        ends_alerts: why all its alerts are to be resolved; empty for not at all.
        entities: those of its `entities` that are new.
    """

    case: Case
    entries: Sequence[CaseEntry] = ()
    verdicts: Sequence[Verdict] = ()
    undone: str = ""
    undone_at_ms: int = 0
    ends_alerts: str = ""
    entities: Sequence[tuple[str, str]] = ()


class CaseTotals(msgspec.Struct, frozen=True):
    """Holds what the events of a case come to."""

    events: int
    loss: float
    priority: float
    first_event_ms: int | None
    last_event_ms: int | None


class StandingEvent(msgspec.Struct, frozen=True):
    """Says what an event counted as before, in the case `case_id`; empty for none."""

    case_id: str
    loss: float
    worth: float


def worth_of(event: AlertEvent) -> float:
    """Returns the loss to be expected of an event; without a probability and a score nothing says that it is less than all."""
    probability = next((known for known in (event.probability, event.score) if known is not None), 1.0)
    return probability * (event.loss if event.loss > 0 else LOSS_UNKNOWN)


class Standing(msgspec.Struct):
    """Holds what the store knows when alerts have changed.

    Args:
        of_alerts: the case of each alert that has one; None for an alert that somebody detached.
        open: the open cases by (kind of entity, its id, typology).
        events: by (kind of alert, key of the event).
    """

    of_alerts: Mapping[str, Case | None]
    open: Mapping[tuple[str, str, str], Case]
    events: Mapping[tuple[str, str], StandingEvent]


class CaseGrowth(msgspec.Struct):
    """Holds what follows for cases from changes of alerts.

    Args:
        changes: cases as they are then.
        joined: the case by the id of each alert that joined one.
        recounted: ids of cases that an alert joined which had events before: what their events come to is counted anew.
        events: the case of each event that is in an alert of one, by (kind of alert, key of the event); empty for one that is in none.
        at_ms: the clock.
    """

    changes: Sequence[CaseChange]
    joined: Mapping[str, str]
    recounted: Sequence[str]
    events: Mapping[tuple[str, str], str]
    at_ms: int


class CaseFollowing(Protocol):
    """Says what follows for cases from changes of alerts. It is asked within the transaction that writes the alerts."""

    def alerts(self) -> Sequence[str]:
        """Returns the ids of the alerts that changed."""

    def openings(self) -> Sequence[tuple[str, str, str]]:
        """Returns (kind of entity, its id, typology) of the cases that they may be in."""

    def events(self) -> tuple[Sequence[str], Sequence[str]]:
        """Returns the kinds of alerts that may be in cases, and the keys of the events that changed."""

    def follow(self, standing: Standing) -> CaseGrowth:
        """Returns what follows."""


Move = Callable[[Case, Case | None], tuple[CaseChange, CaseChange | None]]
"""Is given the case that an alert leaves, and the one that it joins if it joins one; says what becomes of them."""


Undoing = Callable[[Case, Verdict, Sequence[Verdict]], CaseChange]
"""Is given a case, a verdict, and all others of the case that stand, the oldest first; says what becomes of the case without it."""


class OpenCaseError(Exception):
    """There is an open case of this typology about the entity already: `args` are its id."""


class SettledVerdictError(Exception):
    """The verdict can no longer be undone."""


class CaseFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Says which cases are meant; what is None is not asked for.

    Args:
        inboxes: names; empty for any.
        hidden: names of inboxes whose cases are left out.
        states: at `now_ms`; empty for any.
        typologies: empty for any.
        entity: (kind, id).
        holder, assigned_to: a name.
        now_ms: the clock, ms since the epoch.
    """

    now_ms: int
    inboxes: Sequence[str] = ()
    hidden: Sequence[str] = ()
    states: Sequence[CaseState] = ()
    typologies: Sequence[str] = ()
    entity: tuple[str, str] | None = None
    holder: str | None = None
    assigned_to: str | None = None


class TimelinePlace(msgspec.Struct, frozen=True, array_like=True):
    """Is a place in a timeline: entries stand behind events of the same time. `key` is the event's, or empty for an entry."""

    at_ms: int
    number: int
    key: str
    name: str


class InboxLoad(msgspec.Struct, frozen=True):
    """Holds what waits in an inbox: how many cases are not closed, and the time at which the oldest of them was opened.

    `unclaimed` are those that can be claimed.
    """

    inbox: str
    open: int
    unclaimed: int
    oldest_opened_at_ms: int


class DecidedCase(msgspec.Struct, frozen=True):
    """Holds the times of a decided case, ms since the epoch."""

    inbox: str
    verdict: str
    opened_at_ms: int
    claimed_at_ms: int | None
    decided_at_ms: int
    claim_by_ms: int
    decide_by_ms: int


class ReviewedModel(msgspec.Struct, frozen=True):
    """Holds what one decided case says of a model that made decisions in it.

    Args:
        verdict: on the case.
        model: its name.
        alerts: how many alerts of the case have events that it decided.
        events: how many such events there are; one that counts in alerts of two kinds is two.
        told, probability: how many of these were told with a probability, and the sum of those.
    """

    verdict: str
    model: str
    alerts: int
    events: int
    told: int
    probability: float


class Cases(Protocol):
    """Stores cases. Any number of processes use it; each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def get(self, id: str) -> Case | None:
        """Returns one case."""

    def page(self, wanted: CaseFilter, after: tuple[float, str] | None, limit: int) -> list[Case]:
        """Returns the first `limit` cases by priority, the greatest first, and then by id, the oldest first.

        Args:
            after: only those behind this (priority, id); None for all.
        """

    def changed(self, hidden: Sequence[str], after: tuple[int, str] | None, until_ms: int, limit: int) -> list[Case]:
        """Returns the first `limit` cases by (`changed_at_ms`, `id`), without those in the inboxes `hidden`.

        Args:
            after: only those behind this (`changed_at_ms`, `id`); None for all.
            until_ms: only those that changed last until then (inclusive).
        """

    def open(self, case: Case, entries: Sequence[CaseEntry]) -> None:
        """Adds a case.

        Raises:
            OpenCaseError: there is an open one of its typology about the entity.
        """

    def change(self, id: str, decide: Callable[[Case], CaseChange]) -> Case | None:
        """Changes a case as `decide` says, which may raise to leave it as it is; returns it as it is then, None where there is none.

        Raises:
            OpenCaseError: a closed case was to be opened, and there is an open one of its typology about the entity.
        """

    def undo(self, id: str, verdict: str, decide: Undoing) -> Case | None:
        """Takes a verdict of a case back as `decide` says, which may raise; None where it does not stand, or the case is not there.

        Raises:
            SettledVerdictError: the verdict is final.
            OpenCaseError: as for `change`.
        """

    def move_alert(self, alert: str, source: str, to: str, move: Move, at_ms: int) -> bool:
        """Moves an alert with its events from the case `source` to the case `to`, empty for none; what both come to is counted anew.

        Args:
            move: is given both cases, and says what becomes of them; it may raise to leave them as they are.

        Returns:
            Whether the alert was in `source`, and `to` is there.
        """

    def news(self, limit: int) -> list[CaseNews]:
        """Returns the first `limit` entries of which nobody was told yet, by case and in their order."""

    def tell(self, news: Sequence[CaseNews], messages: Sequence[tuple[Message, Sequence[str]]]) -> None:
        """Writes messages for webhooks, by their ids, and takes `news` as told, in one transaction.

        Where another process was faster, nothing is written twice, because a message is known by its id.
        """

    def entries_behind(self, id: str, version: int, limit: int) -> list[CaseEntry]:
        """Returns the first `limit` entries of a case that made versions behind `version`."""

    def timeline(self, id: str, before: TimelinePlace | None, limit: int) -> list[tuple[TimelinePlace, CaseEntry | AlertEvent]]:
        """Returns the newest `limit` entries and events of a case, the newest first; an event in several alerts stands there for each.

        Args:
            before: only those before this place; None for all.
        """

    def alerts_of(self, id: str, after: tuple[int, str] | None, limit: int) -> list[tuple[int, str]]:
        """Returns the first `limit` (ms since the epoch when it joined, id) of alerts in a case, from behind `after` on."""

    def events_of(self, id: str, after: tuple[int, str, str] | None, limit: int, until_ms: int | None = None) -> list[AlertEvent]:
        """Returns the first `limit` events of a case by (event time, key, kind of alert), from behind `after` on.

        Args:
            until_ms: only those that were counted until then (inclusive), ms since the epoch; None for all.
        """

    def holds(self, id: str, keys: Sequence[str]) -> set[str]:
        """Returns those of `keys` (of events, see `stores.casework.alerts.AlertEvent`) whose events are in the case."""

    def linked(self, id: str, limit: int) -> list[tuple[Case, int]]:
        """Returns the first `limit` cases that share entities with a case, with how many they share; those with most come first."""

    def loads(self, now_ms: int) -> list[InboxLoad]:
        """Returns what waits in each inbox that has a case which is not closed."""

    def decided_since(self, since_ms: int) -> dict[str, int]:
        """Returns how many cases of each inbox were decided at `since_ms` (inclusive) or later."""

    def priority_at(self, inbox: str, rank: int) -> float | None:
        """Returns the priority of the case at `rank` (from 0 on) of those in an inbox that are not closed; None if there are fewer."""

    def decided(self, since_ms: int, until_ms: int, inboxes: Sequence[str], limit: int) -> list[DecidedCase]:
        """Returns the newest `limit` cases of `inboxes` that were decided in [since_ms, until_ms), ms since the epoch."""

    def reviewed_rules(self, since_ms: int, until_ms: int, inboxes: Sequence[str], limit: int) -> Iterable[tuple[str, Sequence[str]]]:
        """Returns the verdict and the rules of each of the newest `limit` alerts whose case was decided in [since_ms, until_ms)."""

    def reviewed_models(self, since_ms: int, until_ms: int, inboxes: Sequence[str], limit: int) -> list[ReviewedModel]:
        """Returns what the newest `limit` cases that were decided in [since_ms, until_ms) say of models; it reads all their events."""

    def forget(self, before_ms: int, limit: int) -> int:
        """Removes at most `limit` cases that were closed before `before_ms` (exclusive), with what was said of them; returns how many."""
