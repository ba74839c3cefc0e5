"""Makes what callers see of cases."""

from typing import Any

from api.cases.case_shapes import CaseAlert, CaseEvent, EventHold, ShownCase, ShownCaseEntry, ShownCaseEvent
from stores.casework.alerts import Alert, AlertEvent
from stores.casework.case import Case, CaseEntry, state_at
from stores.casework.holds import Hold

_AS_THEY_ARE = [name for name in ShownCase.__struct_fields__ if name in Case.__struct_fields__ and name not in ("state", "entities")]


def shown_case(case: Case, now_ms: int, cut: float | None) -> ShownCase:
    """A case as callers see it at `now_ms`.

    Args:
        cut: the priority of the last case that its inbox can still decide today; None where the inbox has no capacity.
    """
    state = state_at(case, now_ms)
    is_held, sleeps = state == "claimed", state == "snoozed"
    more = {
        "state": state,
        "entity": {"kind": case.entity_kind, "id": case.entity_id},
        "entities": [{"kind": kind, "id": id} for kind, id in case.entities],
        "is_within_capacity": None if cut is None or state == "closed" else case.priority >= cut,
        "is_claim_late": case.claim_by_ms < (now_ms if case.claimed_at_ms is None else case.claimed_at_ms),
        "is_decision_late": case.decide_by_ms < (now_ms if case.decided_at_ms is None else case.decided_at_ms),
        "holder": case.holder if is_held else "",
        "held_until_ms": case.held_until_ms if is_held else None,
        "snoozed_until_ms": case.snoozed_until_ms if sleeps else None,
        "wakes_at_events": case.wakes_at_events if sleeps else None,
        "wakes_at_loss": case.wakes_at_loss if sleeps else None,
    }
    return ShownCase(**({name: getattr(case, name) for name in _AS_THEY_ARE} | more))


def shown_entry(entry: CaseEntry | AlertEvent) -> ShownCaseEntry:
    """An entry or an event of a timeline as callers see it."""
    if isinstance(entry, CaseEntry):
        return ShownCaseEntry(entry.what, entry.at_ms, entry.by, entry.text, entry.subject, entry.version)
    return ShownCaseEntry("event", entry.event_time_ms, "", "", entry.alert, None, shown_event(entry))


def shown_event(event: AlertEvent) -> ShownCaseEvent:
    """An event of a case as callers see it."""
    return ShownCaseEvent(**_fields_of(event))


def case_event(event: AlertEvent, hold: Hold | None) -> CaseEvent:
    """An event of a case with the hold of its payment."""
    shown = None if hold is None else EventHold(hold.id, hold.state, hold.until_ms, hold.ended_at_ms, hold.by)
    return CaseEvent(**_fields_of(event), hold=shown)


def _fields_of(event: AlertEvent) -> dict[str, Any]:
    return {
        "user": event.user,
        "event_id": event.event_id,
        "revision": event.revision,
        "event_time_ms": event.event_time_ms,
        "action": event.action,
        "score": event.score,
        "probability": event.probability,
        "loss": event.loss,
        "rules": event.rules.split(",") if event.rules else [],
        "model": event.model,
        "alert": event.alert,
        "alert_name": event.name,
    }


def shown_case_alert(id: str, joined_at_ms: int, alert: Alert | None) -> CaseAlert:
    """An alert of a case as callers see it."""
    if alert is None:
        return CaseAlert(id, joined_at_ms, None, None, None, None, None, None)
    return CaseAlert(id, joined_at_ms, alert.name, alert.title, alert.state, alert.severity, alert.events, alert.loss)
