"""Defines how cases are stored.

A case is changed in one transaction, by a function that is given the case as it stands then. So of two changes at once the second one sees
what the first one did, and what alerts add meanwhile is never lost.
"""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from stores.casework.alerts import AlertEvent
from stores.casework.case import Case, CaseChange, CaseEntry, CaseNews, CaseState
from stores.casework.deliveries import Message
from stores.casework.verdicts import Verdict

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


class Reviewed(msgspec.Struct, frozen=True):
    """Holds what decided cases of one verdict say of a rule or a model: what was in them when the verdict was given.

    Args:
        kind: ``rule`` or ``model``.
        name: of the rule or the model.
        verdict: on the cases.
        alerts: how many alerts of the cases have the rule, or events that the model decided.
        events: how many such events there are; one that counts in alerts of two kinds is two. 0 of a rule.
        told, probability: how many of these were told with a probability, and the sum of those. 0 of a rule.
    """

    kind: Literal["rule", "model"]
    name: str
    verdict: str
    alerts: int
    events: int = 0
    told: int = 0
    probability: float = 0.0


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

    def newest_change(self) -> tuple[int, str] | None:
        """Returns (`changed_at_ms`, `id`) of the case that changed last; None where there is no case. It costs a look into an index."""

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

    def reviewed(self, since_ms: int, until_ms: int, inboxes: Sequence[str], limit: int) -> list[Reviewed]:
        """Returns what the newest `limit` cases of `inboxes` that were decided in [since_ms, until_ms) say of each rule and model."""

    def forget(self, before_ms: int, limit: int) -> int:
        """Removes at most `limit` cases that were closed before `before_ms` (exclusive), with what was said of them; returns how many."""
