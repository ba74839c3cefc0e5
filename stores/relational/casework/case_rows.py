"""Reads and writes cases within a transaction: a case is stored whole as JSON, beside the columns that are asked for."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, Table, case, func, select
from sqlalchemy.exc import IntegrityError

from stores.casework.case import LOSS_UNKNOWN, TOLD, Case, CaseChange, CaseEntry, free_at_ms
from stores.casework.case_growth import CaseTotals
from stores.casework.cases import OpenCaseError, SettledVerdictError
from stores.relational.casework.alert_tables import EVENT
from stores.relational.casework.case_tables import CASE, CASE_ALERT, CASE_ENDED_ALERT, CASE_ENTITY, CASE_ENTRY, CASE_NEWS
from stores.relational.casework.reviews import write_review
from stores.relational.casework.verdicts import add_verdicts, undo_verdict
from stores.relational.database import in_parts, insert_into

decode_case = msgspec.json.Decoder(Case).decode
decode_entry = msgspec.json.Decoder(CaseEntry).decode
WORTH = func.coalesce(EVENT.c.probability, EVENT.c.score, 1.0) * case((EVENT.c.loss > 0, EVENT.c.loss), else_=LOSS_UNKNOWN)
"""See `stores.casework.case_growth.worth_of`."""


def cases_by_id(connection: Connection, ids: Iterable[str]) -> dict[str, Case]:
    """Returns those cases of `ids` that there are."""
    found: dict[str, Case] = {}
    for part in in_parts(list(dict.fromkeys(ids))):
        rows = connection.execute(select(CASE.c.id, CASE.c.whole).where(CASE.c.id.in_(part)))
        found.update((id, decode_case(whole)) for id, whole in rows)
    return found


def write_changes(connection: Connection, changes: Sequence[CaseChange]) -> None:
    """Writes what becomes of cases. `stores.relational.database.lock_out_writers` of the cases was called before.

    Raises:
        OpenCaseError: there is another open case of the typology of one about its entity.
        SettledVerdictError: a verdict that is taken back was undone before, or is final.
    """
    write_cases(connection, [change.case for change in changes])
    for part in in_parts([_entry_row(change.case.id, entry) for change in changes for entry in change.entries]):
        connection.execute(insert_into(connection, CASE_ENTRY).values(part))
    news = [{"case_id": change.case.id, "number": entry.number} for change in changes for entry in change.entries if entry.what in TOLD]
    _put_new(connection, CASE_NEWS, news)
    entities = [(kind, value, change.case.id) for change in changes for kind, value in change.entities]
    _put_new(connection, CASE_ENTITY, [{"kind": kind, "value": value, "case_id": id} for kind, value, id in entities])
    for change in changes:
        add_verdicts(connection, change.verdicts)
        if change.undone and not undo_verdict(connection, change.undone, change.undone_at_ms):
            raise SettledVerdictError(change.undone)
        if change.verdicts or change.undone:
            write_review(connection, change.case)
        if change.ends_alerts:
            own = select(CASE_ALERT.c.alert).where(CASE_ALERT.c.case_id == change.case.id)
            alerts = connection.execute(own).scalars().all()
            _put_new(connection, CASE_ENDED_ALERT, [{"alert": alert, "why": change.ends_alerts} for alert in alerts])


def write_cases(connection: Connection, cases: Sequence[Case]) -> None:
    """Writes cases in the place of those with their ids.

    Raises:
        OpenCaseError: there is another open case of the typology of one about its entity.
    """
    for part in in_parts([_row_of(one) for one in cases]):
        statement = insert_into(connection, CASE).values(part)
        others = {name: statement.excluded[name] for name in part[0] if name != "id"}
        try:
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=others))
        except IntegrityError as error:
            raise OpenCaseError(part[0]["id"]) from error


def recounted(connection: Connection, id: str) -> CaseTotals:
    """Counts what the events of a case come to; one that counts in several of its alerts counts once."""
    each = (
        select(
            func.max(EVENT.c.loss).label("loss"),
            func.max(WORTH).label("worth"),
            func.min(EVENT.c.event_time_ms).label("first"),
            func.max(EVENT.c.event_time_ms).label("last"),
        )
        .where(EVENT.c.case_id == id)
        .group_by(EVENT.c.key)
        .subquery()
    )
    total = select(func.count(), func.sum(each.c.loss), func.sum(each.c.worth), func.min(each.c.first), func.max(each.c.last))
    events, loss, worth, first, last = connection.execute(total.select_from(each)).one()
    return CaseTotals(events, loss or 0.0, worth or 0.0, first, last)


def _row_of(one: Case) -> dict[str, object]:
    return {
        "id": one.id,
        "entity_kind": one.entity_kind,
        "entity_id": one.entity_id,
        "typology": one.typology,
        "inbox": one.inbox,
        "state": one.state,
        "is_closed": one.state == "closed",
        "free_at_ms": free_at_ms(one),
        "holder": one.holder,
        "assigned_to": one.assigned_to,
        "priority": one.priority,
        "opened_at_ms": one.opened_at_ms,
        "decided_at_ms": one.decided_at_ms,
        "closed_at_ms": one.closed_at_ms,
        "version": one.version,
        "updated_at_ms": one.changed_at_ms,
        "whole": msgspec.json.encode(one),
    }


def _entry_row(id: str, entry: CaseEntry) -> dict[str, object]:
    return {
        "case_id": id,
        "number": entry.number,
        "at_ms": entry.at_ms,
        "version": entry.version,
        "what": entry.what,
        "by": entry.by,
        "whole": msgspec.json.encode(entry),
    }


def _put_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Adds rows; those that have the key of one that is there are left out."""
    for part in in_parts(rows):
        connection.execute(insert_into(connection, table).values(part).on_conflict_do_nothing())
