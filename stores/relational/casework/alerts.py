"""Alerts in the relational store."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, delete, exists, select, tuple_

from stores.casework.alerts import Alert, AlertEvent, AlertState, AlertWork, Silence, Span, Suppression
from stores.relational.casework.alert_tables import ALERT, EVENT, GROUP, OFFSET, SILENCE, SPAN, SUPPRESSION
from stores.relational.casework.case_growth import ended_alerts, follow, forget_ended, write_growth
from stores.relational.casework.case_tables import CASE_ALERT
from stores.relational.casework.deliveries import add_messages
from stores.relational.casework.holds import write_holds
from stores.relational.database import Database, in_parts
from stores.relational.many_rows import put_rows
from stores.relational.offsets import advance, positions_in, require_positions

_COUNTED = [EVENT.c[name] for name in AlertEvent.__struct_fields__]
"""What is known of an event that counts in an alert."""
_decode_alert = msgspec.json.Decoder(Alert).decode
_decode_suppression = msgspec.json.Decoder(Suppression).decode
_decode_silence = msgspec.json.Decoder(Silence).decode


class RelationalAlerts:
    """See `stores.casework.alerts.Alerts`. An alert is stored whole as JSON, beside the columns that are asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def positions(self) -> dict[str, int]:
        with self._database.reading() as connection:
            return positions_in(connection, OFFSET)

    def firing(self) -> list[Alert]:
        with self._database.reading() as connection:
            rows = connection.execute(select(ALERT.c.whole).where(ALERT.c.state == "firing").order_by(ALERT.c.opened_at_ms, ALERT.c.id))
            return [_decode_alert(whole) for whole in rows.scalars()]

    def cases_of(self, alerts: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        with self._database.reading() as connection:
            for part in in_parts(list(dict.fromkeys(alerts))):
                own = select(CASE_ALERT.c.alert, CASE_ALERT.c.case_id).where(CASE_ALERT.c.alert.in_(part), CASE_ALERT.c.case_id != "")
                found.update(connection.execute(own).tuples().all())
        return found

    def resolved_since(self, since_ms: int) -> list[Alert]:
        query = select(ALERT.c.whole).where(ALERT.c.resolved_at_ms >= since_ms).order_by(ALERT.c.resolved_at_ms, ALERT.c.id)
        with self._database.reading() as connection:
            return [_decode_alert(whole) for whole in connection.execute(query).scalars()]

    def spans(self) -> list[Span]:
        with self._database.reading() as connection:
            return [Span(*row) for row in connection.execute(select(SPAN).order_by(SPAN.c.name))]

    def counted(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], AlertEvent]:
        found: dict[tuple[str, str], AlertEvent] = {}
        with self._database.reading() as connection:
            for part in in_parts(list(dict.fromkeys(keys))):
                for row in connection.execute(select(*_COUNTED).where(tuple_(EVENT.c.name, EVENT.c.key).in_(part))):
                    found[row.name, row.key] = AlertEvent(*row)
        return found

    def write(self, work: AlertWork) -> None:
        with self._database.writing() as connection:
            if work.progress is not None:
                require_positions(connection, OFFSET, work.progress.before)
                advance(connection, OFFSET, work.progress)
            growth = follow(connection, work.cases)
            _write_alerts(connection, work.alerts, work.at_ms)
            put_rows(connection, EVENT, [msgspec.structs.asdict(event) for event in work.events])
            write_growth(connection, growth)
            forget_ended(connection, work.ended)
            put_rows(connection, SPAN, [msgspec.structs.asdict(span) for span in work.spans])
            if work.messages:
                add_messages(connection, work.messages)
            write_holds(connection, work.holds)
            put_rows(connection, SUPPRESSION, [_row_of(each) for each in work.suppressions])

    def ended(self, limit: int) -> dict[str, str]:
        with self._database.reading() as connection:
            return ended_alerts(connection, limit)

    def get(self, ids: Sequence[str]) -> dict[str, Alert]:
        found: dict[str, Alert] = {}
        with self._database.reading() as connection:
            for part in in_parts(list(dict.fromkeys(ids))):
                rows = connection.execute(select(ALERT.c.id, ALERT.c.whole).where(ALERT.c.id.in_(part)))
                found.update((id, _decode_alert(whole)) for id, whole in rows)
        return found

    def page(
        self, states: Sequence[AlertState], names: Sequence[str], group: tuple[str, str] | None, before: tuple[int, str] | None, limit: int
    ) -> list[Alert]:
        query = select(ALERT.c.whole)
        if states:
            query = query.where(ALERT.c.state.in_(states))
        if names:
            query = query.where(ALERT.c.name.in_(names))
        if group is not None:
            of_group = (GROUP.c.kind == group[0]) & (GROUP.c.value == group[1])
            query = query.join(GROUP, (GROUP.c.alert == ALERT.c.id) & of_group)
        if before is not None:
            query = query.where(tuple_(ALERT.c.opened_at_ms, ALERT.c.id) < before)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(ALERT.c.opened_at_ms.desc(), ALERT.c.id.desc()).limit(limit))
            return [_decode_alert(whole) for whole in rows.scalars()]

    def changed(self, after: tuple[int, str] | None, until_ms: int, limit: int) -> list[tuple[int, Alert]]:
        query = select(ALERT.c.updated_at_ms, ALERT.c.whole).where(ALERT.c.updated_at_ms <= until_ms)
        if after is not None:
            query = query.where(tuple_(ALERT.c.updated_at_ms, ALERT.c.id) > after)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(ALERT.c.updated_at_ms, ALERT.c.id).limit(limit))
            return [(at_ms, _decode_alert(whole)) for at_ms, whole in rows]

    def events_of(self, id: str, after: str, limit: int) -> list[AlertEvent]:
        own = select(*_COUNTED).where(EVENT.c.alert == id, EVENT.c.key > after).order_by(EVENT.c.key).limit(limit)
        with self._database.reading() as connection:
            return [AlertEvent(*row) for row in connection.execute(own)]

    def silences(self, now_ms: int) -> list[Silence]:
        lasting = select(SILENCE.c.whole).where(SILENCE.c.until_ms > now_ms).order_by(SILENCE.c.until_ms, SILENCE.c.id)
        with self._database.reading() as connection:
            return [_decode_silence(whole) for whole in connection.execute(lasting).scalars()]

    def suppressions(self, limit: int) -> list[Suppression]:
        query = select(SUPPRESSION.c.whole).order_by(SUPPRESSION.c.until_ms.desc(), SUPPRESSION.c.key).limit(limit)
        with self._database.reading() as connection:
            return [_decode_suppression(whole) for whole in connection.execute(query).scalars()]

    def suppressions_of(self, pattern: str, limit: int) -> list[Suppression]:
        query = select(SUPPRESSION.c.whole).where(SUPPRESSION.c.pattern == pattern)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(SUPPRESSION.c.silenced.desc(), SUPPRESSION.c.key).limit(limit))
            return [_decode_suppression(whole) for whole in rows.scalars()]

    def silence(self, silence: Silence) -> None:
        with self._database.writing() as connection:
            put_rows(connection, SILENCE, [{"id": silence.id, "until_ms": silence.until_ms, "whole": msgspec.json.encode(silence)}])

    def forget(self, before_ms: int, limit: int) -> int:
        in_case = exists().where(CASE_ALERT.c.alert == ALERT.c.id, CASE_ALERT.c.case_id != "")
        old = select(ALERT.c.id).where(ALERT.c.resolved_at_ms < before_ms, ~in_case).order_by(ALERT.c.resolved_at_ms).limit(limit)
        with self._database.writing() as connection:
            ids = connection.execute(old).scalars().all()
            for part in in_parts(ids):
                connection.execute(delete(EVENT).where(EVENT.c.alert.in_(part)))
                connection.execute(delete(GROUP).where(GROUP.c.alert.in_(part)))
                connection.execute(delete(CASE_ALERT).where(CASE_ALERT.c.alert.in_(part)))
                forget_ended(connection, part)
                connection.execute(delete(ALERT).where(ALERT.c.id.in_(part)))
            connection.execute(delete(SUPPRESSION).where(SUPPRESSION.c.until_ms < before_ms))
        return len(ids)


def _row_of(suppression: Suppression) -> dict[str, object]:
    own = {"pattern": suppression.pattern, "key": suppression.key, "until_ms": suppression.until_ms, "silenced": suppression.silenced}
    return {**own, "whole": msgspec.json.encode(suppression)}


def _write_alerts(connection: Connection, alerts: Sequence[Alert], at_ms: int) -> None:
    put_rows(
        connection,
        ALERT,
        [
            {
                "id": alert.id,
                "name": alert.name,
                "state": alert.state,
                "opened_at_ms": alert.opened_at_ms,
                "resolved_at_ms": alert.resolved_at_ms,
                "updated_at_ms": max(at_ms, alert.changed_at_ms, alert.resolved_at_ms or 0),
                "whole": msgspec.json.encode(alert),
            }
            for alert in alerts
        ],
    )
    groups = [{"kind": kind, "value": value, "alert": alert.id} for alert in alerts for kind, value in alert.group.items()]
    put_rows(connection, GROUP, groups)
