"""Steps of verdicts in the relational store."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Row, Table, exists, insert, or_, select, text, update

from stores.casework.deliveries import Message
from stores.casework.verdict_steps import StepState, VerdictStep
from stores.casework.verdicts import Verdict
from stores.relational.casework.deliveries import add_messages
from stores.relational.casework.verdicts import VERDICT
from stores.relational.database import Database, in_parts, insert_unless_there
from stores.relational.tables import METADATA, TEXT

PLAN = Table(
    "verdict_plan",
    METADATA,
    Column("verdict", TEXT, primary_key=True),
    Column("is_settled", Boolean, nullable=False),
    Index("ix_verdict_plan_verdict", "verdict", sqlite_where=text("is_settled = 0"), postgresql_where=text("NOT is_settled")),
)
STEP = Table(
    "verdict_step",
    METADATA,
    Column("id", TEXT, primary_key=True),
    Column("verdict", TEXT, nullable=False),
    Column("number", Integer, nullable=False),
    Column("what", TEXT, nullable=False),
    Column("subject", TEXT, nullable=False),
    Column("details", TEXT, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("before", TEXT, nullable=False),
    Column("outcome", TEXT, nullable=False),
    Column("by", TEXT, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Index("ix_verdict_step_verdict", "verdict", "number"),
    Index("ix_verdict_step_state", "state", "due_ms"),
)
_WAITS = VERDICT.c.carried_out_ms.is_(None) & VERDICT.c.undone_ms.is_(None)
_IS_UNDONE = exists().where(VERDICT.c.id == STEP.c.verdict, VERDICT.c.undone_ms.is_not(None))
_IS_PLANNED = exists().where(PLAN.c.verdict == VERDICT.c.id)
_decode_inputs = msgspec.json.Decoder(dict[str, str | float | bool]).decode
_decode_details = msgspec.json.Decoder(dict[str, str | float | bool | None]).decode


class RelationalVerdictSteps:
    """See `stores.casework.verdict_steps.VerdictSteps`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def is_anything_due(self, now_ms: int) -> bool:
        due = (
            exists().where(_WAITS, VERDICT.c.effective_at_ms <= now_ms),
            exists().where(_WAITS, ~_IS_PLANNED),
            exists().where(STEP.c.state == "wanted", STEP.c.due_ms <= now_ms, ~_IS_UNDONE),
            exists().where(PLAN.c.verdict == VERDICT.c.id, ~PLAN.c.is_settled, VERDICT.c.undone_ms.is_not(None)),
        )
        with self._database.reading() as connection:
            return bool(connection.execute(select(or_(*due))).scalar())

    def unplanned(self, at_most: int) -> list[Verdict]:
        query = select(VERDICT).where(_WAITS, ~_IS_PLANNED).order_by(VERDICT.c.effective_at_ms, VERDICT.c.id).limit(at_most)
        with self._database.reading() as connection:
            return [_verdict(row) for row in connection.execute(query)]

    def plan(self, verdict: str, steps: Sequence[VerdictStep], told: Sequence[tuple[Message, Sequence[str]]]) -> bool:
        with self._database.writing() as connection:
            if not insert_unless_there(connection, PLAN, verdict=verdict, is_settled=False):
                return False
            for part in in_parts(steps):
                connection.execute(insert(STEP), [_row_of(step) for step in part])
            if told:
                add_messages(connection, told)
        return True

    def due(self, now_ms: int, at_most: int) -> list[VerdictStep]:
        ripe = select(STEP).where(STEP.c.state == "wanted", STEP.c.due_ms <= now_ms, ~_IS_UNDONE)
        with self._database.reading() as connection:
            rows = connection.execute(ripe.order_by(STEP.c.due_ms, STEP.c.verdict, STEP.c.number).limit(at_most))
            return [_step(row) for row in rows]

    def remember(self, id: str, before: str) -> None:
        with self._database.writing() as connection:
            connection.execute(update(STEP).where(STEP.c.id == id, STEP.c.before == "").values(before=before))

    def move(self, id: str, source: Sequence[StepState], step: VerdictStep) -> bool:
        values = {"state": step.state, "outcome": step.outcome, "by": step.by, "changed_ms": step.changed_ms}
        own = update(STEP).where(STEP.c.id == id, STEP.c.state.in_(source)).values(values)
        with self._database.writing() as connection:
            return connection.execute(own, execution_options={"preserve_rowcount": True}).rowcount == 1

    def undone(self, at_most: int) -> list[Verdict]:
        taken_back = select(VERDICT).join(PLAN, PLAN.c.verdict == VERDICT.c.id).where(~PLAN.c.is_settled, VERDICT.c.undone_ms.is_not(None))
        with self._database.reading() as connection:
            return [_verdict(row) for row in connection.execute(taken_back.order_by(VERDICT.c.undone_ms, VERDICT.c.id).limit(at_most))]

    def of_verdict(self, verdict: str) -> list[VerdictStep]:
        with self._database.reading() as connection:
            return [_step(row) for row in connection.execute(select(STEP).where(STEP.c.verdict == verdict).order_by(STEP.c.number))]

    def open(self, verdicts: Sequence[str]) -> set[str]:
        found: set[str] = set()
        with self._database.reading() as connection:
            for part in in_parts(verdicts):
                planned = set(connection.execute(select(PLAN.c.verdict).where(PLAN.c.verdict.in_(part))).scalars())
                wanted = connection.execute(select(STEP.c.verdict).where(STEP.c.verdict.in_(part), STEP.c.state == "wanted")).scalars()
                found |= (set(part) - planned) | set(wanted)
        return found

    def settle(self, verdict: str, told: Sequence[tuple[Message, Sequence[str]]] = ()) -> bool:
        own = update(PLAN).where(PLAN.c.verdict == verdict, ~PLAN.c.is_settled).values(is_settled=True)
        with self._database.writing() as connection:
            is_first = connection.execute(own, execution_options={"preserve_rowcount": True}).rowcount == 1
            if is_first and told:
                add_messages(connection, told)
        return is_first

    def waiting(self, after: str, limit: int) -> list[VerdictStep]:
        query = select(STEP).where(STEP.c.state == "waiting", STEP.c.id > after).order_by(STEP.c.id).limit(limit)
        with self._database.reading() as connection:
            return [_step(row) for row in connection.execute(query)]


def _row_of(step: VerdictStep) -> dict[str, Any]:
    return msgspec.structs.asdict(step) | {"details": msgspec.json.encode(step.details).decode()}


def _step(row: Row[Any]) -> VerdictStep:
    return VerdictStep(**(dict(row._mapping) | {"details": _decode_details(row.details)}))


def _verdict(row: Row[Any]) -> Verdict:
    return Verdict(**(dict(row._mapping) | {"inputs": _decode_inputs(row.inputs)}))
