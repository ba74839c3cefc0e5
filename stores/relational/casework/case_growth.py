"""What follows for cases when alerts change, in the transaction that writes the alerts."""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, tuple_, update

from stores.casework.case import Case
from stores.casework.case_growth import CaseFollowing, CaseGrowth, CaseTotals, Standing, StandingEvent
from stores.casework.cases import Move
from stores.relational.casework.alert_tables import EVENT
from stores.relational.casework.case_rows import WORTH, cases_by_id, decode_case, recounted, write_cases, write_changes
from stores.relational.casework.case_tables import CASE, CASE_ALERT, CASE_ENDED_ALERT
from stores.relational.casework.reviews import write_review
from stores.relational.database import in_parts, insert_into, lock_out_writers
from stores.relational.many_rows import give_rows

_MOVED = (
    update(EVENT).where(EVENT.c.name == bindparam("its_name"), EVENT.c.key == bindparam("its_key")).values(case_id=bindparam("its_case"))
)


def follow(connection: Connection, following: CaseFollowing | None) -> CaseGrowth | None:
    """Asks what follows for cases. It is called before the alerts and their events are written."""
    if following is None:
        return None
    alerts, openings = following.alerts(), following.openings()
    if not alerts:
        return None
    lock_out_writers(connection, CASE)
    of_alerts = _of_alerts(connection, alerts)
    return following.follow(Standing(of_alerts, _open(connection, openings), _events(connection, *following.events())))


def write_growth(connection: Connection, growth: CaseGrowth | None) -> None:
    """Writes what follows for cases, after the alerts and their events were written."""
    if growth is None:
        return
    write_changes(connection, growth.changes)
    put_alerts(connection, growth.joined, growth.at_ms)
    _move_events(connection, growth.events)
    for alert, case_id in growth.joined.items():
        if case_id in growth.recounted:
            move_events_of(connection, alert, case_id)
    changed = {change.case.id: change.case for change in growth.changes}
    write_cases(connection, [with_totals(changed[id], recounted(connection, id)) for id in dict.fromkeys(growth.recounted)])


def put_alerts(connection: Connection, cases: Mapping[str, str], at_ms: int) -> None:
    """Says in which case alerts are, by their ids; empty for none."""
    for part in in_parts([{"alert": alert, "case_id": case_id, "at_ms": at_ms} for alert, case_id in cases.items()]):
        statement = insert_into(connection, CASE_ALERT).values(part)
        others = {"case_id": statement.excluded.case_id, "at_ms": statement.excluded.at_ms}
        connection.execute(statement.on_conflict_do_update(index_elements=["alert"], set_=others))


def move_events_of(connection: Connection, alert: str, case_id: str) -> None:
    """Says of all events of an alert in which case they are."""
    connection.execute(update(EVENT).where(EVENT.c.alert == alert, EVENT.c.case_id != case_id).values(case_id=case_id))


def with_totals(case: Case, totals: CaseTotals) -> Case:
    """Returns the case with what its events come to."""
    return msgspec.structs.replace(case, **msgspec.structs.asdict(totals))


def ended_alerts(connection: Connection, limit: int) -> dict[str, str]:
    """Returns why alerts are to be resolved whose cases were closed, by their ids."""
    return dict(connection.execute(select(CASE_ENDED_ALERT.c.alert, CASE_ENDED_ALERT.c.why).limit(limit)).tuples().all())


def forget_ended(connection: Connection, alerts: Sequence[str]) -> None:
    """Forgets that alerts are to be resolved, because they are."""
    for part in in_parts(alerts):
        connection.execute(delete(CASE_ENDED_ALERT).where(CASE_ENDED_ALERT.c.alert.in_(part)))


def _of_alerts(connection: Connection, alerts: Sequence[str]) -> dict[str, Case | None]:
    found: dict[str, str] = {}
    for part in in_parts(alerts):
        rows = connection.execute(select(CASE_ALERT.c.alert, CASE_ALERT.c.case_id).where(CASE_ALERT.c.alert.in_(part)))
        found.update(rows.tuples().all())
    cases = cases_by_id(connection, (id for id in found.values() if id))
    return {alert: cases.get(id) for alert, id in found.items()}


def _open(connection: Connection, openings: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str, str], Case]:
    found: dict[tuple[str, str, str], Case] = {}
    key = tuple_(CASE.c.entity_kind, CASE.c.entity_id, CASE.c.typology)
    for part in in_parts(list(dict.fromkeys(openings))):
        for whole in connection.execute(select(CASE.c.whole).where(key.in_(part), CASE.c.is_closed.is_(False))).scalars():
            case = decode_case(whole)
            found[case.entity_kind, case.entity_id, case.typology] = case
    return found


def _events(connection: Connection, names: Sequence[str], keys: Sequence[str]) -> dict[tuple[str, str], StandingEvent]:
    found: dict[tuple[str, str], StandingEvent] = {}
    columns = (EVENT.c.name, EVENT.c.key, EVENT.c.case_id, EVENT.c.loss, WORTH.label("worth"))
    for part in in_parts(keys):
        for name, key, case_id, loss, worth in connection.execute(select(*columns).where(EVENT.c.name.in_(names), EVENT.c.key.in_(part))):
            found[name, key] = StandingEvent(case_id, loss, worth)
    return found


def _move_events(connection: Connection, events: Mapping[tuple[str, str], str]) -> None:
    rows = [{"its_name": name, "its_key": key, "its_case": case_id} for (name, key), case_id in events.items()]
    give_rows(connection, _MOVED, rows)


def move_alert(connection: Connection, alert: str, source: str, to: str, move: Move, at_ms: int) -> bool:
    """Moves an alert with its events, see `stores.casework.cases.Cases.move_alert`."""
    lock_out_writers(connection, CASE)
    stands_in = connection.execute(select(CASE_ALERT.c.case_id).where(CASE_ALERT.c.alert == alert)).scalar()
    cases = cases_by_id(connection, [source, to])
    if stands_in != source or source not in cases or (to and to not in cases):
        return False
    put_alerts(connection, {alert: to}, at_ms)
    move_events_of(connection, alert, to)
    for change in move(cases[source], cases.get(to)):
        if change is not None:
            counted = with_totals(change.case, recounted(connection, change.case.id))
            write_changes(connection, [msgspec.structs.replace(change, case=counted)])
            write_review(connection, counted)
    return True
