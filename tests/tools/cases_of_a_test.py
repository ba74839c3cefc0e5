"""Cases for tests."""

from alerts.cases.case_joining import with_entry
from foundation.time_ids import uuid7
from stores.casework.alerts import AlertEvent
from stores.casework.case import Case, CaseEntry

CASES_YAML = """
claim_for: 30m
inboxes:
  - {name: payments, title: Payments, capacity: 2}
  - {name: logins}
typologies:
  - name: testing
    title: Stolen cards are tested
    when: {alerts: [attack]}
    entity: customer
    inbox: payments
    claim_within: 1h
    decide_within: 1d
    inputs: [{name: called, type: flag, for: [fraud, legitimate]}, {name: channel, options: [web, shop], for: [fraud]}]
  - {name: takeover, entity: customer, inbox: logins}
reasons: {fraud: [stolen_card, own_fraud], legitimate: [known]}
"""
ALERTS_YAML = "- {name: attack, when: {actions: [block]}, group_by: [customer]}\n"


def case_id(number: int, at_ms: int = 1_000) -> str:
    """The id of a case."""
    return uuid7(at_ms + number, str(number).encode())


def case(number: int = 1, opened_at_ms: int = 1_000, **more: object) -> Case:
    """An open case of the typology ``testing``, about a customer."""
    known: dict[str, object] = {"id": case_id(number), "entity_kind": "customer", "entity_id": f"c{number}", "typology": "testing"}
    known |= {"title": "Stolen cards are tested", "inbox": "payments", "state": "open", "opened_at_ms": opened_at_ms, "opened_by": ""}
    known |= {"changed_at_ms": opened_at_ms, "severity": "high", "claim_by_ms": opened_at_ms + 3_600_000}
    known |= {"decide_by_ms": opened_at_ms + 86_400_000, "entities": (("customer", f"c{number}"),)}
    return Case(**(known | more))  # type: ignore[arg-type]


def opened(one: Case) -> tuple[Case, list[CaseEntry]]:
    """A case with the entry that opens it."""
    made, entry = with_entry(one, one.opened_at_ms, "opened", one.opened_by)
    return made, [entry]


def counted(key: str, alert: str, event_time_ms: int = 5, **more: object) -> AlertEvent:
    """An event that counts in an alert of the kind ``attack``."""
    known: dict[str, object] = {
        "name": "attack",
        "key": key,
        "revision": 0,
        "alert": alert,
        "loss": 10.0,
        "user": "u1",
        "event_id": f"e{key}",
    }
    known |= {"event_time_ms": event_time_ms, "at_ms": 7, "action": "block", "score": 0.5, "rules": "a,b", "model": "shape"}
    return AlertEvent(**(known | more))  # type: ignore[arg-type]
