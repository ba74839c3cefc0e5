"""How far the records of topics were read, in the transaction of what follows from them."""

from collections.abc import Mapping

from sqlalchemy import BigInteger, Column, Connection, Table, select, update

from stores.offsets import OtherReaderError, Progress
from stores.relational.database import insert_unless_there, lock_out_writers
from stores.relational.tables import METADATA, TEXT


def offset_table(name: str) -> Table:
    """Makes the table of one kind of reader: the offset to go on from, by ``topic/partition``."""
    return Table(name, METADATA, Column("place", TEXT, primary_key=True), Column("next", BigInteger, nullable=False))


def positions_in(connection: Connection, table: Table) -> dict[str, int]:
    """Returns the offset to go on from, by ``topic/partition``."""
    return dict(connection.execute(select(table.c.place, table.c.next)).tuples().all())


def require_positions(connection: Connection, table: Table, positions: Mapping[str, int]) -> None:
    """Checks that nobody has read on, in any place, since `positions` were read; until the transaction ends nobody does.

    A reader that keeps in memory what it has made of the records needs it: what another one has made of others it does not know.

    Raises:
        OtherReaderError: somebody has; the transaction has to be undone.
    """
    lock_out_writers(connection, table)
    found = positions_in(connection, table)
    for place in sorted(found.keys() | positions.keys()):
        if found.get(place) != positions.get(place):
            raise OtherReaderError(f"{place} was read up to {found.get(place)} by another process, and up to {positions.get(place)} here")


def advance(connection: Connection, table: Table, progress: Progress) -> None:
    """Moves the offsets of the places that a batch has records of.

    Raises:
        OtherReaderError: one of them stands elsewhere; the transaction has to be undone.
    """
    for place, after in sorted(progress.after.items()):
        before = progress.before.get(place)
        if before is None:
            moved = insert_unless_there(connection, table, place=place, next=after)
        else:
            own = update(table).where(table.c.place == place, table.c.next == before).values(next=after)
            moved = connection.execute(own, execution_options={"preserve_rowcount": True}).rowcount == 1
        if not moved:
            raise OtherReaderError(f"{place} was read behind {before} by another process")
