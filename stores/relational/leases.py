"""Leases in the relational store."""

from sqlalchemy import BigInteger, Column, Table, select, update

from stores.leases import Lease
from stores.relational.database import Database, insert_unless_there
from stores.relational.tables import METADATA, TEXT

LEASE = Table(
    "lease",
    METADATA,
    Column("name", TEXT, primary_key=True),
    Column("holder", TEXT, nullable=False),
    Column("beat", BigInteger, nullable=False),
)


class RelationalLeases:
    """See `stores.leases.Leases`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, name: str) -> Lease | None:
        with self._database.reading() as connection:
            row = connection.execute(select(LEASE.c.holder, LEASE.c.beat).where(LEASE.c.name == name)).first()
        return Lease(row.holder, row.beat) if row else None

    def swap(self, name: str, before: Lease | None, holder: str) -> Lease | None:
        with self._database.writing() as connection:
            if before is None:
                return Lease(holder, 1) if insert_unless_there(connection, LEASE, name=name, holder=holder, beat=1) else None
            same = (LEASE.c.name == name) & (LEASE.c.holder == before.holder) & (LEASE.c.beat == before.beat)
            changed = update(LEASE).where(same).values(holder=holder, beat=before.beat + 1)
            is_changed = connection.execute(changed, execution_options={"preserve_rowcount": True}).rowcount == 1
        return Lease(holder, before.beat + 1) if is_changed else None
