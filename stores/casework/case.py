"""A case: what is in it, who holds it, and what was done about it."""

from collections.abc import Sequence
from typing import Literal

import msgspec

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
