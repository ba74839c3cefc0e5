"""The life of a hold: a decision begins it, and a person, a later decision or the time ends it, with a message to whoever waits."""

from collections.abc import Sequence

import msgspec

from alerts.policy.alert_definition import fingerprint_of
from alerts.policy.decided_event import DecidedEvent
from alerts.webhooks.message import message_id, message_of
from alerts.webhooks.message_types import PAYMENT_DECLINE, PAYMENT_HOLD, PAYMENT_RELEASE, wanting
from patterns.hold_policy import HoldPolicy
from stores.casework.holds import Hold, HoldChange, HoldState
from stores.casework.webhooks import StoredWebhook

BY_TIME = "hold"
"""Who ends a hold that nobody else has ended in time."""
BY_DECISION = "decision"
_TYPES = {"held": PAYMENT_HOLD, "released": PAYMENT_RELEASE, "declined": PAYMENT_DECLINE}
_ENDS: dict[str, HoldState] = {"release": "released", "decline": "declined"}
_BY_ACTION: dict[str, HoldState] = {"approve": "released", "block": "declined"}


def held(decided: DecidedEvent, policy: HoldPolicy | None) -> Hold | None:
    """Returns the hold that a decision begins; None if the policy holds no such decision."""
    if policy is None or decided.is_retracted or decided.action not in policy.actions:
        return None
    id = fingerprint_of("hold", [(decided.key, str(decided.revision))])
    return Hold(
        id=id,
        event=decided.key,
        user=decided.user,
        event_id=decided.event_id,
        revision=decided.revision,
        event_time_ms=decided.event_time_ms,
        action=decided.action,
        held_at_ms=decided.decided_at_ms,
        until_ms=decided.decided_at_ms + policy.for_ms,
        then="release" if policy.then == "release" else "decline",
    )


def ended(hold: Hold, how: str, by: str, reason: str, at_ms: int) -> Hold:
    """Returns a hold that lasts as it is once it has ended.

    Args:
        how: one of `patterns.hold_policy.HOLD_ENDS`.
        at_ms: the clock, ms since the epoch.
    """
    return _moved(hold, _ENDS[how], by, reason, at_ms)


def ended_by_time(hold: Hold, at_ms: int) -> Hold:
    """Returns a hold that nobody has ended in time as it is afterwards."""
    return ended(hold, hold.then, BY_TIME, "nobody has ended the hold in time", at_ms)


def ended_by_decision(hold: Hold, decided: DecidedEvent, is_held_anew: bool) -> Hold:
    """Returns a hold as it is after a decision of a higher revision on its event."""
    if is_held_anew:
        state: HoldState = "withdrawn"
    else:
        state = "withdrawn" if decided.is_retracted else _BY_ACTION.get(decided.action, "released")
    return _moved(
        hold, state, BY_DECISION, f"revision {decided.revision} of the event was decided: {decided.action}", decided.decided_at_ms
    )


def held_again(hold: Hold, by: str, reason: str) -> Hold:
    """Returns a hold whose end is taken back: it lasts, for as long as it would have lasted."""
    return msgspec.structs.replace(hold, state="held", ended_at_ms=None, by=by, reason=reason, version=hold.version + 1)


def told(hold: Hold, webhooks: Sequence[StoredWebhook], at_ms: int) -> HoldChange:
    """Returns the change that writes a version of a hold with its message. Nobody is told of a beginning, which the decision says.

    The message's id stands for the version, so that it is the same whoever makes it.
    """
    type = _TYPES.get(hold.state)
    if type is None or hold.version == 1:
        return HoldChange(hold)
    links = {"hold": hold.id, "user": hold.user, "event_id": hold.event_id, "revision": hold.revision, "version": hold.version}
    data = links | {"event_time_ms": hold.event_time_ms, "until_ms": hold.until_ms, "by": hold.by, "reason": hold.reason}
    return HoldChange(hold, message_of(_told_by(hold), type, hold.event, at_ms, data, links), wanting(webhooks, type))


def message_id_of(hold: Hold) -> str:
    """Returns the id of the message that tells of this version of a hold."""
    return message_id(_told_by(hold))


def _told_by(hold: Hold) -> str:
    return fingerprint_of(f"hold {hold.state}", [(hold.id, str(hold.version))])


def _moved(hold: Hold, state: HoldState, by: str, reason: str, at_ms: int) -> Hold:
    return msgspec.structs.replace(hold, state=state, ended_at_ms=at_ms, by=by, reason=reason, version=hold.version + 1)
