"""What verdicts on cases say of rules and models.

It is counted when a verdict is given or taken back, and kept beside the case, so that a report adds up a few numbers of each case, however
many alerts and events are in it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, Select, delete, func, insert, select

from stores.casework.case import Case
from stores.casework.cases import Reviewed
from stores.relational.casework.alert_tables import ALERT, EVENT
from stores.relational.casework.case_tables import CASE_ALERT, CASE_REVIEW
from stores.relational.database import in_parts

ALERTS_MAX = 20_000
"""So many alerts of a case say something of rules, those that joined it last."""


class _RulesOfAlert(msgspec.Struct):
    patterns: tuple[str, ...]


_decode_rules = msgspec.json.Decoder(_RulesOfAlert).decode


def write_review(connection: Connection, one: Case) -> None:
    """Counts what the verdict on a case says, in the place of what was counted before; a case without a verdict says nothing.

    It reads all events of the case.
    """
    connection.execute(delete(CASE_REVIEW).where(CASE_REVIEW.c.case_id == one.id))
    if one.verdict:
        for part in in_parts([*_of_rules(connection, one), *_of_models(connection, one)]):
            connection.execute(insert(CASE_REVIEW), part)


def reviewed(connection: Connection, cases: Select[tuple[str]]) -> list[Reviewed]:
    """Returns what the verdicts on `cases`, a query for their ids, come to for each rule and model, by kind, name and verdict."""
    meant = cases.subquery()
    own = (CASE_REVIEW.c.kind, CASE_REVIEW.c.name, CASE_REVIEW.c.verdict)
    sums = (func.sum(CASE_REVIEW.c[name]) for name in ("alerts", "events", "told", "probability"))
    query = select(*own, *sums).join(meant, meant.c.id == CASE_REVIEW.c.case_id).group_by(*own).order_by(*own)
    return [
        Reviewed(kind, name, verdict, int(alerts), int(events), int(told), probability)
        for kind, name, verdict, alerts, events, told, probability in connection.execute(query)
    ]


def _of_rules(connection: Connection, one: Case) -> Sequence[Mapping[str, object]]:
    query = select(ALERT.c.whole).join(CASE_ALERT, CASE_ALERT.c.alert == ALERT.c.id).where(CASE_ALERT.c.case_id == one.id)
    newest = connection.execute(query.order_by(CASE_ALERT.c.at_ms.desc(), CASE_ALERT.c.alert).limit(ALERTS_MAX))
    alerts = Counter(rule for whole in newest.scalars() for rule in _decode_rules(whole).patterns)
    return [_row(one, "rule", rule, count) for rule, count in alerts.items()]


def _of_models(connection: Connection, one: Case) -> Sequence[Mapping[str, object]]:
    told, probability = func.count(EVENT.c.probability), func.coalesce(func.sum(EVENT.c.probability), 0.0)
    query = select(EVENT.c.model, func.count(EVENT.c.alert.distinct()), func.count(), told, probability)
    query = query.where(EVENT.c.case_id == one.id, EVENT.c.case_id != "", EVENT.c.model != "").group_by(EVENT.c.model)
    return [_row(one, "model", *of_model) for of_model in connection.execute(query).tuples()]


def _row(one: Case, kind: str, name: str, alerts: int, events: int = 0, told: int = 0, probability: float = 0.0) -> dict[str, object]:
    own: dict[str, object] = {"case_id": one.id, "kind": kind, "name": name, "verdict": one.verdict}
    return own | {"alerts": alerts, "events": events, "told": told, "probability": probability}
