"""Cases in the relational store."""

import heapq
from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, tuple_, update

from stores.casework.alerts import AlertEvent
from stores.casework.case import Case, CaseChange, CaseEntry, CaseNews, CaseState
from stores.casework.cases import CaseFilter, DecidedCase, InboxLoad, Move, OpenCaseError, Reviewed, TimelinePlace, Undoing
from stores.casework.deliveries import Message
from stores.relational.casework.alert_tables import ALERT, EVENT
from stores.relational.casework.case_growth import move_alert
from stores.relational.casework.case_rows import cases_by_id, decode_case, decode_entry, write_changes
from stores.relational.casework.case_tables import CASE, CASE_ALERT, CASE_ENTITY, CASE_ENTRY, CASE_NEWS, CASE_REVIEW
from stores.relational.casework.deliveries import add_messages
from stores.relational.casework.reviews import reviewed
from stores.relational.casework.verdict_steps import PLAN, STEP
from stores.relational.casework.verdicts import VERDICT, standing_verdicts
from stores.relational.database import Database, in_parts, lock_out_writers

_COUNTED = [EVENT.c[name] for name in AlertEvent.__struct_fields__]


_decode_decided = msgspec.json.Decoder(DecidedCase).decode
"""Takes of a case what it needs, and passes over the rest."""


class RelationalCases:
    """See `stores.casework.cases.Cases`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, id: str) -> Case | None:
        with self._database.reading() as connection:
            return cases_by_id(connection, [id]).get(id)

    def page(self, wanted: CaseFilter, after: tuple[float, str] | None, limit: int) -> list[Case]:
        query = select(CASE.c.whole).where(*_conditions(wanted))
        if after is not None:
            query = query.where(_behind(after))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(CASE.c.priority.desc(), CASE.c.id).limit(limit))
            return [decode_case(whole) for whole in rows.scalars()]

    def changed(self, hidden: Sequence[str], after: tuple[int, str] | None, until_ms: int, limit: int) -> list[Case]:
        query = select(CASE.c.whole).where(CASE.c.updated_at_ms <= until_ms, CASE.c.inbox.not_in(hidden))
        if after is not None:
            query = query.where(tuple_(CASE.c.updated_at_ms, CASE.c.id) > after)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(CASE.c.updated_at_ms, CASE.c.id).limit(limit))
            return [decode_case(whole) for whole in rows.scalars()]

    def newest_change(self) -> tuple[int, str] | None:
        query = select(CASE.c.updated_at_ms, CASE.c.id).order_by(CASE.c.updated_at_ms.desc(), CASE.c.id.desc()).limit(1)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else (row.updated_at_ms, row.id)

    def open(self, case: Case, entries: Sequence[CaseEntry]) -> None:
        with self._database.writing() as connection:
            lock_out_writers(connection, CASE)
            key = (CASE.c.entity_kind == case.entity_kind) & (CASE.c.entity_id == case.entity_id) & (CASE.c.typology == case.typology)
            there = connection.execute(select(CASE.c.id).where(key, CASE.c.is_closed.is_(False))).scalar()
            if there is not None:
                raise OpenCaseError(there)
            write_changes(connection, [CaseChange(case, entries, entities=case.entities)])

    def change(self, id: str, decide: Callable[[Case], CaseChange]) -> Case | None:
        with self._database.writing() as connection:
            lock_out_writers(connection, CASE)
            found = cases_by_id(connection, [id]).get(id)
            if found is None:
                return None
            change = decide(found)
            write_changes(connection, [change])
        return change.case

    def undo(self, id: str, verdict: str, decide: Undoing) -> Case | None:
        with self._database.writing() as connection:
            lock_out_writers(connection, CASE)
            found = cases_by_id(connection, [id]).get(id)
            standing = {one.id: one for one in standing_verdicts(connection, id)}
            undone = standing.pop(verdict, None)
            if found is None or undone is None:
                return None
            change = decide(found, undone, list(standing.values()))
            write_changes(connection, [change])
        return change.case

    def move_alert(self, alert: str, source: str, to: str, move: Move, at_ms: int) -> bool:
        with self._database.writing() as connection:
            return move_alert(connection, alert, source, to, move, at_ms)

    def news(self, limit: int) -> list[CaseNews]:
        both = (CASE_ENTRY.c.case_id == CASE_NEWS.c.case_id) & (CASE_ENTRY.c.number == CASE_NEWS.c.number)
        query = select(CASE.c.whole, CASE_ENTRY.c.whole).join_from(CASE_NEWS, CASE_ENTRY, both).join(CASE, CASE.c.id == CASE_NEWS.c.case_id)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(CASE_NEWS.c.case_id, CASE_NEWS.c.number).limit(limit)).all()
        return [CaseNews(decode_case(whole), decode_entry(entry)) for whole, entry in rows]

    def tell(self, news: Sequence[CaseNews], messages: Sequence[tuple[Message, Sequence[str]]]) -> None:
        with self._database.writing() as connection:
            if messages:
                add_messages(connection, messages)
            for part in in_parts([(each.case.id, each.entry.number) for each in news]):
                connection.execute(delete(CASE_NEWS).where(tuple_(CASE_NEWS.c.case_id, CASE_NEWS.c.number).in_(part)))

    def entries_behind(self, id: str, version: int, limit: int) -> list[CaseEntry]:
        query = select(CASE_ENTRY.c.whole).where(CASE_ENTRY.c.case_id == id, CASE_ENTRY.c.version > version)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(CASE_ENTRY.c.number).limit(limit))
            return [decode_entry(whole) for whole in rows.scalars()]

    def timeline(self, id: str, before: TimelinePlace | None, limit: int) -> list[tuple[TimelinePlace, CaseEntry | AlertEvent]]:
        found = heapq.merge(self._entries(id, before, limit), self._events(id, before, limit), key=lambda one: _order(one[0]), reverse=True)
        return [one for one, _ in zip(found, range(limit), strict=False)]

    def alerts_of(self, id: str, after: tuple[int, str] | None, limit: int) -> list[tuple[int, str]]:
        query = select(CASE_ALERT.c.at_ms, CASE_ALERT.c.alert).where(CASE_ALERT.c.case_id == id)
        if after is not None:
            query = query.where(tuple_(CASE_ALERT.c.at_ms, CASE_ALERT.c.alert) > after)
        with self._database.reading() as connection:
            return list(connection.execute(query.order_by(CASE_ALERT.c.at_ms, CASE_ALERT.c.alert).limit(limit)).tuples())

    def events_of(self, id: str, after: tuple[int, str, str] | None, limit: int, until_ms: int | None = None) -> list[AlertEvent]:
        query = select(*_COUNTED).where(EVENT.c.case_id == id, EVENT.c.case_id != "")
        if after is not None:
            query = query.where(tuple_(EVENT.c.event_time_ms, EVENT.c.key, EVENT.c.name) > after)
        if until_ms is not None:
            query = query.where(EVENT.c.at_ms <= until_ms)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(EVENT.c.event_time_ms, EVENT.c.key, EVENT.c.name).limit(limit))
            return [AlertEvent(*row) for row in rows]

    def holds(self, id: str, keys: Sequence[str]) -> set[str]:
        found: set[str] = set()
        with self._database.reading() as connection:
            names = connection.execute(select(ALERT.c.name).distinct().join(CASE_ALERT, CASE_ALERT.c.alert == ALERT.c.id).where(
                CASE_ALERT.c.case_id == id)).scalars().all()  # fmt: skip
            for part in in_parts(keys):
                own = select(EVENT.c.key).where(EVENT.c.name.in_(names), EVENT.c.key.in_(part), EVENT.c.case_id == id)
                found.update(connection.execute(own).scalars())
        return found

    def linked(self, id: str, limit: int) -> list[tuple[Case, int]]:
        own, other = CASE_ENTITY.alias("own"), CASE_ENTITY.alias("other")
        shared = func.count().label("shared")
        both = (own.c.kind == other.c.kind) & (own.c.value == other.c.value)
        query = select(other.c.case_id, shared).join_from(own, other, both).where(own.c.case_id == id, other.c.case_id != id)
        query = query.group_by(other.c.case_id).order_by(shared.desc(), other.c.case_id.desc()).limit(limit)
        with self._database.reading() as connection:
            found = dict(connection.execute(query).tuples().all())
            cases = cases_by_id(connection, found)
        return [(cases[other], count) for other, count in found.items() if other in cases]

    def loads(self, now_ms: int) -> list[InboxLoad]:
        is_free = case((CASE.c.free_at_ms <= now_ms, 1), else_=0)
        query = select(CASE.c.inbox, func.count(), func.sum(is_free), func.min(CASE.c.opened_at_ms)).where(CASE.c.is_closed.is_(False))
        with self._database.reading() as connection:
            rows = connection.execute(query.group_by(CASE.c.inbox).order_by(CASE.c.inbox))
            return [InboxLoad(inbox, count, int(free), oldest) for inbox, count, free, oldest in rows]

    def decided_since(self, since_ms: int) -> dict[str, int]:
        inbox = CASE.c.inbox.concat("")  # grouped by the column itself, SQLite would walk through all cases in its order
        query = select(inbox, func.count()).where(CASE.c.decided_at_ms >= since_ms).group_by(inbox)
        with self._database.reading() as connection:
            return dict(connection.execute(query).tuples().all())

    def priority_at(self, inbox: str, rank: int) -> float | None:
        query = select(CASE.c.priority).where(CASE.c.inbox == inbox, CASE.c.is_closed.is_(False))
        with self._database.reading() as connection:
            return connection.execute(query.order_by(CASE.c.priority.desc()).offset(rank).limit(1)).scalar()

    def decided(self, since_ms: int, until_ms: int, inboxes: Sequence[str], limit: int) -> list[DecidedCase]:
        query = select(CASE.c.whole).where(*_decided_in(since_ms, until_ms), CASE.c.inbox.in_(inboxes))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(CASE.c.decided_at_ms.desc()).limit(limit))
            return [_decode_decided(whole) for whole in rows.scalars().all()]

    def reviewed(self, since_ms: int, until_ms: int, inboxes: Sequence[str], limit: int) -> list[Reviewed]:
        cases = select(CASE.c.id).where(*_decided_in(since_ms, until_ms), CASE.c.inbox.in_(inboxes))
        with self._database.reading() as connection:
            return reviewed(connection, cases.order_by(CASE.c.decided_at_ms.desc(), CASE.c.id).limit(limit))

    def forget(self, before_ms: int, limit: int) -> int:
        old = select(CASE.c.id).where(CASE.c.closed_at_ms < before_ms).order_by(CASE.c.closed_at_ms).limit(limit)
        with self._database.writing() as connection:
            lock_out_writers(connection, CASE)
            ids = connection.execute(old).scalars().all()
            for part in in_parts(ids):
                connection.execute(update(EVENT).where(EVENT.c.case_id.in_(part), EVENT.c.case_id != "").values(case_id=""))
                given = select(VERDICT.c.id).where(VERDICT.c.case_id.in_(part))
                for table in (STEP, PLAN):
                    connection.execute(delete(table).where(table.c.verdict.in_(given)))
                for table in (CASE_ALERT, CASE_ENTITY, CASE_ENTRY, CASE_NEWS, CASE_REVIEW, VERDICT):
                    connection.execute(delete(table).where(table.c.case_id.in_(part)))
                connection.execute(delete(CASE).where(CASE.c.id.in_(part)))
        return len(ids)

    def _entries(self, id: str, before: TimelinePlace | None, limit: int) -> list[tuple[TimelinePlace, CaseEntry | AlertEvent]]:
        query = select(CASE_ENTRY.c.whole).where(CASE_ENTRY.c.case_id == id)
        if before is not None:
            number = before.number if not before.key else 0
            query = query.where(tuple_(CASE_ENTRY.c.at_ms, CASE_ENTRY.c.number) < (before.at_ms, number))
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(CASE_ENTRY.c.at_ms.desc(), CASE_ENTRY.c.number.desc()).limit(limit)).scalars()
            entries = [decode_entry(whole) for whole in rows]
        return [(TimelinePlace(entry.at_ms, entry.number, "", ""), entry) for entry in entries]

    def _events(self, id: str, before: TimelinePlace | None, limit: int) -> list[tuple[TimelinePlace, CaseEntry | AlertEvent]]:
        place = tuple_(EVENT.c.event_time_ms, EVENT.c.key, EVENT.c.name)
        query = select(*_COUNTED).where(EVENT.c.case_id == id, EVENT.c.case_id != "")
        if before is not None:
            is_before = place < (before.at_ms, before.key, before.name) if before.key else EVENT.c.event_time_ms <= before.at_ms
            query = query.where(is_before)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(EVENT.c.event_time_ms.desc(), EVENT.c.key.desc(), EVENT.c.name.desc()).limit(limit))
            events = [AlertEvent(*row) for row in rows]
        return [(TimelinePlace(event.event_time_ms, 0, event.key, event.name), event) for event in events]


def _order(place: TimelinePlace) -> tuple[int, int, str, str]:
    return place.at_ms, place.number, place.key, place.name


def _conditions(wanted: CaseFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.inboxes:
        found.append(CASE.c.inbox.in_(wanted.inboxes))
    if wanted.hidden:
        found.append(CASE.c.inbox.not_in(wanted.hidden))
    if wanted.states:
        found.append(or_(*(_is_in(state, wanted.now_ms) for state in wanted.states)))
        if "closed" not in wanted.states:
            found.append(CASE.c.is_closed.is_(False))
    if wanted.typologies:
        found.append(CASE.c.typology.in_(wanted.typologies))
    if wanted.entity is not None:
        found += [CASE.c.entity_kind == wanted.entity[0], CASE.c.entity_id == wanted.entity[1]]
    if wanted.holder is not None:
        found += [CASE.c.holder == wanted.holder, _is_in("claimed", wanted.now_ms)]
    if wanted.assigned_to is not None:
        found.append(CASE.c.assigned_to == wanted.assigned_to)
    return found


def _is_in(state: CaseState, now_ms: int) -> ColumnElement[bool]:
    """A claim or a snooze that has ended leaves the case open, see `stores.casework.case.state_at`."""
    if state == "open":
        return or_(CASE.c.state == "open", and_(CASE.c.state.in_(("claimed", "snoozed")), CASE.c.free_at_ms <= now_ms))
    return CASE.c.state == state if state == "closed" else and_(CASE.c.state == state, CASE.c.free_at_ms > now_ms)


def _behind(after: tuple[float, str]) -> ColumnElement[bool]:
    priority, id = after
    return or_(CASE.c.priority < priority, and_(CASE.c.priority == priority, CASE.c.id > id))


def _decided_in(since_ms: int, until_ms: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return CASE.c.decided_at_ms >= since_ms, CASE.c.decided_at_ms < until_ms
