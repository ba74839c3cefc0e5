"""Writes many cases with their alerts, events and decisions into stores, for the benchmarks that read them."""

from collections.abc import Iterable, Mapping

import msgspec
from alerts_of_a_test import alert
from cases_of_a_test import case, case_id, counted
from sqlalchemy import Connection, Table, insert, text

from stores.casework.case import CaseChange
from stores.decisions import StoredDecision
from stores.relational.casework.alert_tables import ALERT, EVENT
from stores.relational.casework.case_rows import write_changes
from stores.relational.casework.case_tables import CASE_ALERT
from stores.relational.casework.reviews import write_review
from stores.relational.database import Database, in_parts
from stores.sqlite.sqlite_decisions import SqliteDecisions

CASES, ALERTS, LARGE = 10_000, 100_000, 100_000
DECISIONS_AT_ONCE = 5_000


class Named(msgspec.Struct, frozen=True):
    """How the configuration that reads the cases names what they are about."""

    customer: str = "customer"
    device: str = "device"
    terminal: str = "terminal"
    typology: str = "testing"
    alert: str = "attack"


def priority(number: int) -> float:
    """Of the case of that number; many are equal."""
    return float(number * 7_919 % 4_001)


def id_of(number: int) -> str:
    """Of the case of that number."""
    return case_id(number)


def fill(database: Database, now_ms: int, named: Named) -> None:
    """Writes the cases with their alerts and events; every second case is closed, as in a system that has run for a while.

    Case 1 has `LARGE` events, the others ten each.
    """
    with database.writing() as connection:
        for numbers in in_parts(range(CASES)):
            write_changes(connection, [_opened(number, now_ms, named) for number in numbers])
        _insert(connection, ALERT, (_alert(number, now_ms, named) for number in range(ALERTS)))
        _insert(connection, CASE_ALERT, ({"alert": f"a{n}", "case_id": id_of(n % CASES), "at_ms": now_ms + n} for n in range(ALERTS)))
        _insert(connection, EVENT, (_event(n, f"a{n % ALERTS}", n % CASES, now_ms, named) for n in range(ALERTS)))
        _insert(connection, EVENT, (_event(ALERTS + n, "a1", 1, now_ms, named) for n in range(LARGE)))
        for number in range(0, CASES, 2):
            write_review(connection, _opened(number, now_ms, named).case)
        connection.execute(text("ANALYZE"))


def _opened(number: int, now_ms: int, named: Named) -> CaseChange:
    entities = ((named.customer, f"c{number}"), (named.device, f"d{number % 2_000}"), (named.terminal, f"t{number % 300}"))
    own: dict[str, object] = {"id": id_of(number), "entity_kind": named.customer, "typology": named.typology, "alerts": 10}
    own |= {"priority": priority(number), "events": LARGE if number == 1 else 10, "entities": entities}
    own |= {"state": "closed", "closed_at_ms": now_ms, "decided_at_ms": now_ms, "verdict": "fraud"} if number % 2 == 0 else {}
    return CaseChange(case(number, now_ms - number, **own), entities=entities)


def _insert(connection: Connection, table: Table, rows: Iterable[dict[str, object]]) -> None:
    for part in in_parts(list(rows)):
        connection.execute(insert(table), part)


def _alert(number: int, now_ms: int, named: Named) -> dict[str, object]:
    id, at_ms = f"a{number}", now_ms + number
    whole = msgspec.json.encode(alert(id, at_ms, f"c{number % CASES}"))
    return {"id": id, "name": named.alert, "state": "resolved", "opened_at_ms": at_ms, "resolved_at_ms": now_ms, "whole": whole}


def _event(number: int, alert_id: str, of_case: int, now_ms: int, named: Named) -> dict[str, object]:
    event = counted(f"k{number:09d}", alert_id, now_ms - 10_000_000 + number, user=f"c{number % CASES}", name=named.alert)
    return msgspec.structs.asdict(event) | {"case_id": id_of(of_case)}


def decide(decisions: SqliteDecisions, count: int, now_ms: int, named: Named, like: Mapping[str, object] | None = None) -> None:
    """Stores a decision of each event that counts in an alert, and of many that do not, by customers that have cases and others.

    Args:
        like: a decision; what these say of their events beyond ids, scores and features is as it says. None: less than a real one says.
    """
    for first in range(0, count, DECISIONS_AT_ONCE):
        decisions.write([_decision(number, now_ms, named, like or {}) for number in range(first, first + DECISIONS_AT_ONCE)])


def _decision(number: int, now_ms: int, named: Named, like: Mapping[str, object]) -> StoredDecision:
    user, score, at_ms = f"c{number % CASES}", 0.5 + number % 500 / 1_000, now_ms - 10_000_000 + number
    told = {"matches": [], "release": 2, "event": {"amount": 12.5}, "models": {"own": {}}} | dict(like)
    told |= {"event_id": f"ek{number:09d}", "revision": 0, "event_time": at_ms, "user": user, "score": score, "action": "block"}
    told |= {"reasons": ["30 payments in 1 minute; usual for this customer: 0.017"] * 3}
    told |= {"features": {f"payments_{hours}h": number % 97 / 7 for hours in range(20)}}
    value, keys = msgspec.json.encode(told), ((named.customer, user), (named.terminal, f"t{number % 5_000}"))
    return StoredDecision(f"ek{number:09d}", 0, at_ms, b"%09d" % number, keys, score, "block", 2, value)
