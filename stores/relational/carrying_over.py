"""What an earlier version kept in other stores, taken into the relational one: whole or not at all, and once."""

from collections.abc import Iterator
from itertools import islice

from sqlalchemy import BigInteger, Column, Connection, Table, insert, select, update

from foundation.refusal import Refusal
from stores.audit import Entry, Verified, verify
from stores.earlier import Earlier
from stores.relational.audit import HEAD, keep
from stores.relational.database import Database, insert_unless_there, lock_out_writers
from stores.relational.definitions import DEFINITION, DEFINITION_OF_PART, RELEASE, text_of
from stores.relational.tables import METADATA, TEXT
from stores.relational.tokens import API_TOKEN, row_of

CARRIED_OVER = Table(
    "carried_over",
    METADATA,
    Column("source", TEXT, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("what", TEXT, nullable=False),
)
ENTRIES_AT_ONCE = 500


def carried_over(database: Database, source: str) -> str:
    """What was carried over from `source`, in a few words; empty where nothing was yet.

    Raises:
        StoreUnavailableError: the database does not answer.
    """
    with database.reading() as connection:
        return _carried_over(connection, source)


def carry_over(database: Database, source: str, earlier: Earlier, at_ms: int) -> str:
    """Takes all that `earlier` holds into `database`, in one transaction: ids, hashes and the chain of the audit log as they are.

    Args:
        source: the name by which it is known that this was done; a second time changes nothing.
        earlier: is only read.
        at_ms: now, in ms since the epoch.

    Returns:
        What was carried over, in a few words, now or before.

    Raises:
        Refusal: `database` holds something else in the place of a release or a token, or has an audit log of its own.
        StoreUnavailableError: one of the two does not answer; nothing was carried over.
    """
    with database.writing() as connection:
        head = connection.execute(select(HEAD.c.number).with_for_update()).scalar_one()
        if said := _carried_over(connection, source):
            return said
        said = ", ".join([*_definitions(connection, earlier), _tokens(connection, earlier), _audit(connection, earlier, head)])
        connection.execute(insert(CARRIED_OVER).values(source=source, at_ms=at_ms, what=said))
    return said


def _carried_over(connection: Connection, source: str) -> str:
    return str(connection.execute(select(CARRIED_OVER.c.what).where(CARRIED_OVER.c.source == source)).scalar() or "")


def _definitions(connection: Connection, earlier: Earlier) -> list[str]:
    texts = 0
    for texts, (hash, text) in enumerate(earlier.texts(), 1):  # noqa: B007 - the number of the last one is how many there were
        insert_unless_there(connection, DEFINITION, hash=hash, text=text)
    for each in earlier.definitions():
        insert_unless_there(connection, DEFINITION_OF_PART, part=each.part, hash=each.hash, put_by=each.by, at_ms=each.at_ms)
    lock_out_writers(connection, RELEASE)
    releases = earlier.releases()
    for one in releases:
        release, parts = one.release, text_of(one.release.parts)
        row = {"parts": parts, "made_by": release.by, "at_ms": release.at_ms, "published": one.published}
        if not insert_unless_there(connection, RELEASE, id=release.id, **row):
            there = connection.execute(select(RELEASE.c.parts).where(RELEASE.c.id == release.id)).scalar_one()
            if there != parts:
                raise _taken(f"release {release.id}", parts, there)
            connection.execute(update(RELEASE).where(RELEASE.c.id == release.id).values(row))
    return [f"{texts} definitions", f"{len(releases)} releases"]


def _tokens(connection: Connection, earlier: Earlier) -> str:
    lock_out_writers(connection, API_TOKEN)
    tokens = earlier.tokens()
    for token in tokens:
        if not insert_unless_there(connection, API_TOKEN, **row_of(token)):
            row = connection.execute(select(API_TOKEN.c.hash).where(API_TOKEN.c.name == token.name)).scalar()
            if row != token.hash:
                raise _taken(f"token {token.name}", "the token of before", "another token")
            connection.execute(update(API_TOKEN).where(API_TOKEN.c.name == token.name).values(row_of(token)))
    return f"{len(tokens)} tokens"


def _audit(connection: Connection, earlier: Earlier, head: int) -> str:
    entries = _kept(connection, iter(earlier.entries()), head)
    found = verify(entries)
    for _ in entries:  # those behind a fault are carried over with it
        pass
    return f"audit log of {found.entries} entries, head {found.head}{_broken(found)}"


def _broken(found: Verified) -> str:
    return "" if found.broken is None else f"; it was broken there before: {found.broken.what}"


def _kept(connection: Connection, entries: Iterator[Entry], head: int) -> Iterator[Entry]:
    while some := list(islice(entries, ENTRIES_AT_ONCE)):
        if head:
            raise _taken("audit log", "an empty one", f"one of {head} entries, which the other cannot be put in front of")
        keep(connection, some)
        yield from some


def _taken(where: str, expected: str, got: str) -> Refusal:
    remedy = "make the new database empty, and carry over before anything else uses it"
    return Refusal("database in use already", where=where, expected=expected, got=got, remedy=remedy)
