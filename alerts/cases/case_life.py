"""What people do with a case: each function is given the case as it stands, and says what becomes of it.

A case that somebody holds is changed by its holder alone, but for notes. Whoever changes a case that nobody holds gets it.
"""

from collections.abc import Iterable, Sequence

import msgspec

from alerts.cases.case_joining import with_entry, woken
from stores.casework.case import Case, CaseChange, EntryWord, state_at
from stores.casework.verdicts import UNDO_MS, Verdict, VerdictWord

_GRAVITY: tuple[VerdictWord | str, ...] = ("", "legitimate", "unsure", "fraud")


class CaseConflictError(Exception):
    """The case cannot be changed so; the text says why."""


class StaleCaseError(Exception):
    """Somebody changed the case since the caller has seen it.

    Args:
        case: as it stands.
        seen: the version that the caller has seen.
    """

    def __init__(self, case: Case, seen: int) -> None:
        super().__init__(f"the case is at version {case.version}, and the caller has seen {seen}")
        self.case = case
        self.seen = seen


def require_seen(case: Case, seen: int | None) -> None:
    """Checks that the caller has seen the newest version; None skips the check.

    Raises:
        StaleCaseError: it has not.
    """
    if seen is not None and seen != case.version:
        raise StaleCaseError(case, seen)


def claim(case: Case, by: str, now_ms: int, claim_ms: int) -> CaseChange:
    """Makes `by` its holder; one that holds it already holds it for longer.

    Raises:
        CaseConflictError: somebody else holds it, or it is closed.
    """
    _require_workable(case, by, now_ms)
    held = _held(case, by, now_ms, claim_ms)
    if state_at(case, now_ms) == "claimed":
        return CaseChange(held)
    return _changed(held, now_ms, "claimed", by)


def release(case: Case, by: str, now_ms: int, is_anybodys: bool = False) -> CaseChange:
    """Ends a claim.

    Args:
        is_anybodys: whether the claim of somebody else may be ended, too.

    Raises:
        CaseConflictError: `by` does not hold the case.
    """
    if state_at(case, now_ms) != "claimed":
        raise CaseConflictError("nobody holds the case")
    if case.holder != by and not is_anybodys:
        raise CaseConflictError(_held_by(case))
    return _changed(_let_go(case), now_ms, "released", by, subject=case.holder)


def assign(case: Case, by: str, to: str, now_ms: int) -> CaseChange:
    """Says who is to work on it; empty for anybody."""
    _require_open(case)
    return _changed(msgspec.structs.replace(case, assigned_to=to), now_ms, "assigned", by, subject=to)


def move(case: Case, by: str, inbox: str, now_ms: int, text: str) -> CaseChange:
    """Moves it to another inbox, where nobody holds it."""
    _require_workable(case, by, now_ms)
    moved = msgspec.structs.replace(_let_go(case), inbox=inbox, assigned_to="")
    return _changed(moved, now_ms, "moved", by, text, inbox)


def snooze(case: Case, by: str, now_ms: int, until_ms: int | None, events: int | None, loss: float | None, text: str) -> CaseChange:
    """Lets it sleep until a time, or until so many events or so much loss have joined, whichever comes first.

    Raises:
        CaseConflictError: somebody else holds it, or it is closed.
    """
    _require_workable(case, by, now_ms)
    asleep = msgspec.structs.replace(
        _let_go(case),
        state="snoozed",
        snoozed_until_ms=until_ms,
        wakes_at_events=None if events is None else case.events + events,
        wakes_at_loss=None if loss is None else case.loss + loss,
    )
    return _changed(asleep, now_ms, "snoozed", by, text)


def note(case: Case, by: str, now_ms: int, text: str) -> CaseChange:
    """Notes something on it, whatever its state and whoever holds it."""
    return _changed(case, now_ms, "note", by, text)


def give_verdicts(case: Case, by: str, now_ms: int, claim_ms: int, verdicts: Sequence[Verdict], closes: bool, text: str) -> CaseChange:
    """Gives verdicts on some of its events, or one on all of them.

    Args:
        closes: whether the case is closed with it.

    Raises:
        CaseConflictError: somebody else holds it, or it is closed.
    """
    _require_workable(case, by, now_ms)
    decided = msgspec.structs.replace(
        _held(case, by, now_ms, claim_ms),
        verdict=verdict_of(verdicts, case.verdict),
        decided_at_ms=now_ms if case.decided_at_ms is None else case.decided_at_ms,
    )
    first = verdicts[0]
    said = f"{first.verdict} on {'all events' if not first.event_id else f'{len(verdicts)} events'}"
    text = f"{said}: {text}" if text else said
    given = _changed(decided, now_ms, "verdict", by, text, first.id)
    closed = _changed(_closed(given.case, by, now_ms), now_ms, "closed", by) if closes else None
    entries = [*given.entries, *(closed.entries if closed else ())]
    case = closed.case if closed else given.case
    return CaseChange(case, entries, verdicts, ends_alerts=_why(case) if closes else "")


def undo_verdict(case: Case, by: str, now_ms: int, verdict: Verdict, others: Iterable[Verdict]) -> CaseChange:
    """Takes a verdict back within its minute; a case that was closed with it is open again.

    Args:
        others: the verdicts of the case that stand beside it, the oldest first.

    Raises:
        CaseConflictError: its minute is over, or somebody else holds the case.
    """
    if verdict.carried_out_ms is not None or now_ms >= verdict.effective_at_ms:
        raise CaseConflictError(f"a verdict can be undone for {UNDO_MS // 1_000} s, and this one has left; give another one")
    if state_at(case, now_ms) == "claimed" and case.holder != by:
        raise CaseConflictError(_held_by(case))
    standing = list(others)
    was_closed_with_it = case.state == "closed" and case.closed_at_ms == verdict.at_ms
    back = _reopened(case) if was_closed_with_it else case
    back = msgspec.structs.replace(back, verdict=verdict_of(standing), decided_at_ms=min((other.at_ms for other in standing), default=None))
    change = _changed(back, now_ms, "verdict_undone", by, subject=verdict.id)
    return msgspec.structs.replace(change, undone=verdict.id, undone_at_ms=now_ms)


def close(case: Case, by: str, now_ms: int, text: str) -> CaseChange:
    """Closes it; its alerts are resolved.

    Raises:
        CaseConflictError: somebody else holds it, it is closed, or there is neither a verdict nor a text that says why.
    """
    _require_workable(case, by, now_ms)
    if not case.verdict and not text:
        raise CaseConflictError("the case has no verdict: give one, or say in `text` why it is closed without")
    change = _changed(_closed(case, by, now_ms), now_ms, "closed", by, text)
    return msgspec.structs.replace(change, ends_alerts=_why(change.case))


def reopen(case: Case, by: str, now_ms: int, text: str) -> CaseChange:
    """Opens a closed case again.

    Raises:
        CaseConflictError: it is not closed.
    """
    if case.state != "closed":
        raise CaseConflictError("the case is not closed")
    return _changed(_reopened(case), now_ms, "reopened", by, text)


def alert_left(case: Case, by: str, now_ms: int, alert: str, to: str) -> CaseChange:
    """Says that an alert has left it, for the case `to` or for none.

    Raises:
        CaseConflictError: somebody else holds it, or it is closed.
    """
    _require_workable(case, by, now_ms)
    left = msgspec.structs.replace(case, alerts=case.alerts - 1)
    return _changed(left, now_ms, "alert_left", by, f"it is in the case {to} now" if to else "it was detached", alert)


def alert_came(case: Case, by: str, now_ms: int, alert: str, source: str) -> CaseChange:
    """Says that an alert has come to it from the case `source`.

    Raises:
        CaseConflictError: somebody else holds it, or it is closed.
    """
    _require_workable(case, by, now_ms)
    return _changed(msgspec.structs.replace(case, alerts=case.alerts + 1), now_ms, "alert_joined", by, f"from the case {source}", alert)


def verdict_of(verdicts: Iterable[Verdict], before: VerdictWord | str = "") -> VerdictWord | str:
    """Returns what verdicts come to, the oldest first: the last one on all events, and what is graver on one event after it."""
    found = before
    for one in verdicts:
        found = one.verdict if not one.event_id else max(found, one.verdict, key=_GRAVITY.index)
    return found


def _changed(case: Case, now_ms: int, what: EntryWord, by: str, text: str = "", subject: str = "") -> CaseChange:
    newer = msgspec.structs.replace(case, version=case.version + 1, changed_at_ms=max(case.changed_at_ms, now_ms))
    newer, entry = with_entry(newer, now_ms, what, by, text, subject)
    return CaseChange(newer, [entry])


def _held(case: Case, by: str, now_ms: int, claim_ms: int) -> Case:
    awake = msgspec.structs.replace(case, snoozed_until_ms=None, wakes_at_events=None, wakes_at_loss=None)
    return msgspec.structs.replace(
        awake,
        state="claimed",
        holder=by,
        held_until_ms=now_ms + claim_ms,
        claimed_at_ms=now_ms if case.claimed_at_ms is None else case.claimed_at_ms,
        assigned_to=case.assigned_to or by,
    )


def _let_go(case: Case) -> Case:
    awake = msgspec.structs.replace(woken(case), version=case.version)
    return msgspec.structs.replace(awake, holder="", held_until_ms=0)


def _closed(case: Case, by: str, now_ms: int) -> Case:
    return msgspec.structs.replace(_let_go(case), state="closed", closed_at_ms=now_ms, closed_by=by)


def _reopened(case: Case) -> Case:
    return msgspec.structs.replace(case, state="open", closed_at_ms=None, closed_by="")


def _why(case: Case) -> str:
    return f"its case was closed by {case.closed_by}" + (f": {case.verdict}" if case.verdict else "")


def _require_open(case: Case) -> None:
    if case.state == "closed":
        raise CaseConflictError(f"the case was closed by {case.closed_by}; reopen it first")


def _require_workable(case: Case, by: str, now_ms: int) -> None:
    _require_open(case)
    if state_at(case, now_ms) == "claimed" and case.holder != by:
        raise CaseConflictError(_held_by(case))


def _held_by(case: Case) -> str:
    return f"{case.holder} holds the case until {case.held_until_ms} (ms since the epoch)"
