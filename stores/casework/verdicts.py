"""Defines how verdicts are stored: what analysts said of the events of a case, and what of it was carried out."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

VerdictWord = Literal["fraud", "legitimate", "unsure"]
VERDICTS: tuple[VerdictWord, ...] = ("fraud", "legitimate", "unsure")
UNDO_MS = 60_000
"""A verdict may be undone for so long; its labels leave after that."""


class Verdict(msgspec.Struct, frozen=True):
    """Is what an analyst said of one event, or of all events that a case has at `at_ms`. Times are ms since the epoch.

    Args:
        id: a UUID of version 7.
        case_id: the case.
        user, event_id: the event; both empty for all events of the case that joined it until `at_ms` (inclusive).
        entity_kind, entity_id: what the case is about.
        verdict: ``fraud``, ``legitimate`` or ``unsure``.
        reason: one of the taxonomy of cases.yaml; empty where that has none.
        inputs: what the typology requires beside, by name.
        by: who said it.
        at_ms: when.
        effective_at_ms: from then on it can no longer be undone, and its labels leave.
        undone_ms: when it was undone; None otherwise.
        carried_out_ms: when all that it does was done; None before.
        final_ms: when it was said that it is not undone any more, because what has no inverse is about to be done; None before.
    """

    id: str
    case_id: str
    user: str
    event_id: str
    entity_kind: str
    entity_id: str
    verdict: VerdictWord
    reason: str
    inputs: Mapping[str, str | float | bool]
    by: str
    at_ms: int
    effective_at_ms: int
    undone_ms: int | None = None
    carried_out_ms: int | None = None
    final_ms: int | None = None


class Verdicts(Protocol):
    """Reads verdicts, and says which were carried out. They are given and undone as changes of their case (see `stores.casework.cases`).

    Any number of processes use it; each call is one transaction. Safe for threads.

    Raises:
        StoreUnavailableError: any call; the store does not answer, and the call may have taken effect all the same.
    """

    def verdicts_of(self, case_id: str, after: str = "", limit: int = 500) -> Sequence[Verdict]:
        """Returns `limit` verdicts of a case, the oldest first, from behind the id `after` on; undone ones are among them."""

    def on_entity(self, kind: str, id: str, limit: int) -> Sequence[Verdict]:
        """Returns the newest `limit` verdicts of cases about an entity, the newest first, without those that were undone."""

    def all(self, hidden: Sequence[str], after: str, limit: int) -> Sequence[Verdict]:
        """Returns the first `limit` verdicts by id, from behind the id `after` on, without those on cases in the inboxes `hidden`."""

    def get(self, id: str) -> Verdict | None:
        """Returns one verdict."""

    def uncarried(self, now_ms: int, at_most: int) -> Sequence[Verdict]:
        """Returns `at_most` verdicts whose effective time has come (inclusive) and that wait to be carried out, the oldest first."""

    def make_final(self, id: str, now_ms: int) -> bool:
        """Says that a verdict is not undone any more, and may be called again; returns false for one that was undone."""

    def mark_carried_out(self, id: str, now_ms: int) -> bool:
        """Says that all that a verdict does was done; returns false for one of which that was said before, or that was undone."""
