"""Messages and their deliveries in the relational store."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from stores.casework.deliveries import Attempt, Delivery, DeliveryState, Message, Settled
from stores.relational.database import Database, in_parts, lock_out_writers
from stores.relational.many_rows import give_rows, put_missing_rows
from stores.relational.tables import METADATA, TEXT

MESSAGE = Table(
    "message",
    METADATA,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", TEXT, nullable=False, unique=True),
    Column("type", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("full", LargeBinary, nullable=False),
    Column("thin", LargeBinary, nullable=False),
    Index("ix_message_at_ms", "at_ms"),
)
DELIVERY = Table(
    "delivery",
    METADATA,
    Column("webhook", TEXT, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("key", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("attempts_before", Integer, nullable=False),
    Column("due_at_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger),
    Index("ix_delivery_due", "webhook", "state", "due_at_ms"),
    Index("ix_delivery_state", "webhook", "state", "number"),
    Index("ix_delivery_key", "webhook", "key", "state", "number"),
    Index("ix_delivery_number", "number", "state"),
)
ATTEMPT = Table(
    "delivery_attempt",
    METADATA,
    Column("webhook", TEXT, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("took_ms", BigInteger, nullable=False),
    Column("status", Integer),
    Column("fault", TEXT, nullable=False),
    Column("excerpt", TEXT, nullable=False),
    Index("ix_delivery_attempt_number", "number"),
    Index("ix_delivery_attempt_at_ms", "webhook", "at_ms"),
)
AT_ONCE_MS = 0
"""When a first attempt is due: at any time of the clock, so that one which is set back holds up no new message."""
_EARLIER = DELIVERY.alias("earlier")
_IS_FIRST_OF_KEY = ~exists().where(
    _EARLIER.c.webhook == DELIVERY.c.webhook,
    _EARLIER.c.key == DELIVERY.c.key,
    _EARLIER.c.state == "pending",
    _EARLIER.c.number < DELIVERY.c.number,
)
_WHOLE = select(DELIVERY, MESSAGE.c.id, MESSAGE.c.type, MESSAGE.c.at_ms, MESSAGE.c.full, MESSAGE.c.thin).join(
    MESSAGE, MESSAGE.c.number == DELIVERY.c.number
)


_NEW_MESSAGE, _NEW_DELIVERY = insert(MESSAGE), insert(DELIVERY)
_SETTLED = (
    update(DELIVERY)
    .where(DELIVERY.c.webhook == bindparam("of_webhook"), DELIVERY.c.number == bindparam("of_number"), DELIVERY.c.state == "pending")
    .values({name: bindparam(name) for name in ("attempts", "state", "due_at_ms", "ended_at_ms")})
)


class RelationalDeliveries:
    """See `stores.casework.deliveries.Deliveries`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, messages: Sequence[tuple[Message, Sequence[str]]]) -> int:
        with self._database.writing() as connection:
            return add_messages(connection, messages)

    def due(self, webhook: str, at_ms: int, limit: int) -> list[Delivery]:
        # Of a sum no database asks the index by the time: it would sort all that waits. By the one by number it stops at the limit.
        ripe = (DELIVERY.c.webhook == webhook) & (DELIVERY.c.state == "pending") & (DELIVERY.c.due_at_ms + 0 <= at_ms)
        with self._database.reading() as connection:
            rows = connection.execute(_WHOLE.where(ripe, _IS_FIRST_OF_KEY).order_by(DELIVERY.c.number).limit(limit))
            return [_delivery(row) for row in rows]

    def settle(self, settled: Sequence[Settled]) -> None:
        if not settled:
            return
        with self._database.writing() as connection:
            give_rows(connection, _SETTLED, [_outcome_row(one) for one in settled])
            # A process whose lease has ended while it sent may tell of an attempt with a number that is taken.
            put_missing_rows(connection, ATTEMPT, [_attempt_row(one) for one in settled])

    def waiting(self, webhooks: Sequence[str], at_ms: int) -> list[str]:
        ripe = select(literal(1)).where(DELIVERY.c.webhook == bindparam("of"), DELIVERY.c.state == "pending", DELIVERY.c.due_at_ms <= at_ms)
        with self._database.reading() as connection:
            return [webhook for webhook in webhooks if connection.execute(ripe.limit(1), {"of": webhook}).first()]

    def pending(self) -> dict[str, tuple[int, int]]:
        counts = (
            select(DELIVERY.c.webhook, func.count(), func.min(MESSAGE.c.at_ms))
            .join(MESSAGE, MESSAGE.c.number == DELIVERY.c.number)
            .where(DELIVERY.c.state == "pending")
            .group_by(DELIVERY.c.webhook)
        )
        with self._database.reading() as connection:
            return {webhook: (count, oldest_ms) for webhook, count, oldest_ms in connection.execute(counts)}

    def page(self, webhook: str | None, states: Sequence[DeliveryState], before: int | None, limit: int) -> list[Delivery]:
        query = _WHOLE
        if webhook is not None:
            query = query.where(DELIVERY.c.webhook == webhook)
        if states:
            query = query.where(DELIVERY.c.state.in_(states))
        if before is not None:
            query = query.where(DELIVERY.c.number < before)
        with self._database.reading() as connection:
            rows = list(connection.execute(query.order_by(DELIVERY.c.number.desc(), DELIVERY.c.webhook).limit(limit)))
            if len(rows) == limit:
                same = (DELIVERY.c.number == rows[-1].number) & (DELIVERY.c.webhook > rows[-1].webhook)
                rows += connection.execute(query.where(same).order_by(DELIVERY.c.webhook))
        return [_delivery(row) for row in rows]

    def of_message(self, id: str) -> list[Delivery]:
        with self._database.reading() as connection:
            return [_delivery(row) for row in connection.execute(_WHOLE.where(MESSAGE.c.id == id).order_by(DELIVERY.c.webhook))]

    def attempts(self, number: int, webhook: str) -> list[Attempt]:
        own = select(ATTEMPT).where(ATTEMPT.c.number == number, ATTEMPT.c.webhook == webhook).order_by(ATTEMPT.c.attempt)
        with self._database.reading() as connection:
            rows = connection.execute(own).all()
        return [Attempt(row.attempt, row.at_ms, row.took_ms, row.status, row.fault, row.excerpt) for row in rows]

    def failing_since_ms(self, webhook: str) -> int | None:
        own = ATTEMPT.c.webhook == webhook
        newest = select(ATTEMPT.c.at_ms).where(own, ATTEMPT.c.status.between(200, 299)).order_by(ATTEMPT.c.at_ms.desc()).limit(1)
        with self._database.reading() as connection:
            last: int | None = connection.execute(newest).scalar()
            since = select(func.min(ATTEMPT.c.at_ms)).where(own, ATTEMPT.c.at_ms > (-1 if last is None else last))
            found: int | None = connection.execute(since).scalar()
        return found

    def send_again(self, webhook: str, numbers: Sequence[int], at_ms: int) -> int:
        return self._make_pending((DELIVERY.c.webhook == webhook) & DELIVERY.c.number.in_(numbers), at_ms)

    def send_again_since(self, webhook: str, since_ms: int, until_ms: int, states: Sequence[DeliveryState], at_ms: int) -> int:
        of_range = select(MESSAGE.c.number).where(MESSAGE.c.at_ms >= since_ms, MESSAGE.c.at_ms < until_ms)
        wanted = (DELIVERY.c.webhook == webhook) & DELIVERY.c.state.in_(states) & DELIVERY.c.number.in_(of_range)
        return self._make_pending(wanted, at_ms)

    def forget(self, before_ms: int, limit: int) -> int:
        is_pending = exists().where(DELIVERY.c.number == MESSAGE.c.number, DELIVERY.c.state == "pending")
        old = select(MESSAGE.c.number).where(MESSAGE.c.at_ms < before_ms, ~is_pending).order_by(MESSAGE.c.at_ms).limit(limit)
        with self._database.writing() as connection:
            numbers = connection.execute(old).scalars().all()
            for table in (ATTEMPT, DELIVERY, MESSAGE):
                for part in in_parts(numbers):
                    connection.execute(delete(table).where(table.c.number.in_(part)))
        return len(numbers)

    def _make_pending(self, wanted: ColumnElement[bool], at_ms: int) -> int:
        pending = {"state": "pending", "due_at_ms": at_ms, "ended_at_ms": None, "attempts_before": DELIVERY.c.attempts}
        again = update(DELIVERY).where(wanted, DELIVERY.c.state != "pending").values(pending)
        with self._database.writing() as connection:
            return connection.execute(again, execution_options={"preserve_rowcount": True}).rowcount


def add_messages(connection: Connection, messages: Sequence[tuple[Message, Sequence[str]]]) -> int:
    """Adds messages in the transaction of what they tell; see `stores.casework.deliveries.Deliveries.add`.

    Only one transaction adds at a time, so that numbers are seen in their order, and that they can be given out here.
    """
    lock_out_writers(connection, MESSAGE)
    ids = [message.id for message, _ in messages]
    there: set[str] = set()
    for part in in_parts(ids):
        there.update(connection.execute(select(MESSAGE.c.id).where(MESSAGE.c.id.in_(part))).scalars())
    new = {message.id: (message, webhooks) for message, webhooks in reversed(messages) if message.id not in there}
    last: int | None = connection.execute(select(func.max(MESSAGE.c.number))).scalar()
    numbered = list(enumerate(reversed(new.values()), (last or 0) + 1))
    wanted = [_delivery_row(number, message, id) for number, (message, webhooks) in numbered for id in dict.fromkeys(webhooks)]
    give_rows(connection, _NEW_MESSAGE, [_message_row(number, message) for number, (message, _) in numbered])
    give_rows(connection, _NEW_DELIVERY, wanted)
    return len(numbered)


def remove_deliveries(connection: Connection, webhook: str) -> None:
    """Removes all deliveries to a webhook, in the transaction that removes it."""
    for table in (ATTEMPT, DELIVERY):
        connection.execute(delete(table).where(table.c.webhook == webhook))


def _message_row(number: int, message: Message) -> dict[str, Any]:
    return {
        "number": number,
        "id": message.id,
        "type": message.type,
        "key": message.key,
        "at_ms": message.at_ms,
        "full": message.full,
        "thin": message.thin,
    }


def _delivery_row(number: int, message: Message, webhook: str) -> dict[str, Any]:
    first = {"state": "pending", "attempts": 0, "attempts_before": 0, "due_at_ms": AT_ONCE_MS, "ended_at_ms": None}
    return {"webhook": webhook, "number": number, "key": message.key, **first}


def _outcome_row(settled: Settled) -> dict[str, Any]:
    ended_at_ms = None if settled.state == "pending" else settled.attempt.at_ms + settled.attempt.took_ms
    own = {"of_webhook": settled.webhook, "of_number": settled.number, "attempts": settled.attempt.number}
    return own | {"state": settled.state, "due_at_ms": settled.due_at_ms, "ended_at_ms": ended_at_ms}


def _attempt_row(settled: Settled) -> dict[str, Any]:
    attempt = settled.attempt
    own = {"webhook": settled.webhook, "number": settled.number, "attempt": attempt.number, "at_ms": attempt.at_ms}
    return own | {"took_ms": attempt.took_ms, "status": attempt.status, "fault": attempt.fault, "excerpt": attempt.excerpt}


def _delivery(row: Row[Any]) -> Delivery:
    message = Message(row.id, row.type, row.key, row.at_ms, bytes(row.full), bytes(row.thin))
    return Delivery(row.number, row.webhook, message, row.state, row.attempts, row.attempts_before, row.due_at_ms, row.ended_at_ms)
