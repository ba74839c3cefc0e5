"""What drifts, in the relational store."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import BigInteger, Column, Float, Integer, Table, delete, insert, select, update

from stores.drifts import OpenDrift
from stores.effects import Alert
from stores.relational.database import Database, insert_into, insert_unless_there
from stores.relational.effect_tables import ALERT
from stores.relational.tables import METADATA, TEXT

DRIFT = Table(
    "drift",
    METADATA,
    Column("subject", TEXT, primary_key=True),
    Column("since_ms", BigInteger, nullable=False),
    Column("day_ms", BigInteger, nullable=False),
    Column("psi", Float, nullable=False),
    Column("psi_limit", Float, nullable=False),
)
FOLLOWED = Table(
    "drift_followed",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("day_ms", BigInteger, nullable=False),
)
"""One row: the newest day that was followed."""


class RelationalDrifts:
    """See `stores.drifts.Drifts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def followed_to_ms(self) -> int:
        with self._database.reading() as connection:
            return int(connection.execute(select(FOLLOWED.c.day_ms)).scalar() or 0)

    def open(self) -> list[OpenDrift]:
        columns = [DRIFT.c[name] for name in OpenDrift.__struct_fields__]
        with self._database.reading() as connection:
            return [OpenDrift(*row) for row in connection.execute(select(*columns).order_by(DRIFT.c.subject))]

    def follow(self, day_ms: int, open: Sequence[OpenDrift], alerts: Sequence[Alert], now_ms: int) -> bool:
        with self._database.writing() as connection:
            insert_unless_there(connection, FOLLOWED, id=1, day_ms=0)
            later = update(FOLLOWED).where(FOLLOWED.c.day_ms < day_ms).values(day_ms=day_ms)
            if connection.execute(later).rowcount == 0:
                return False
            connection.execute(delete(DRIFT))
            if open:
                connection.execute(insert(DRIFT), [msgspec.structs.asdict(each) for each in open])
            if alerts:
                rows = [msgspec.structs.asdict(each) | {"at_ms": now_ms} for each in alerts]
                connection.execute(insert_into(connection, ALERT).on_conflict_do_nothing(), rows)
        return True
