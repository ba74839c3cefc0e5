"""A keyspace of a Cassandra cluster: tables made by migrations, statements prepared once, many writes at a time.

What a write has returned from outlives a killed node, see `stores.cassandra_settling`.
"""

import asyncio
import contextlib
import functools
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from cassandra import ConsistencyLevel, DriverException, ProtocolVersion
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, ResponseFuture, Session
from cassandra.policies import ConstantReconnectionPolicy, DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import BatchStatement, BatchType, BoundStatement, SimpleStatement, tuple_factory

from features.refusal import Refusal
from stores.cassandra_settling import Settling
from stores.decisions import StoreUnavailableError

BATCH_ROWS_MAX = 200
BATCH_BYTES_MAX = 131_072
"""Of the values of one batch; far below what a node refuses, see ``batch_size_fail_threshold``. A greater row goes alone."""
IN_FLIGHT_MAX = 8
CONNECT_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
ONCE_SECONDS = 10.0
"""For a statement of the opening: what readers may be kept waiting for later says nothing about a start on a busy machine."""
_KEYSPACE = re.compile(r"[A-Za-z]\w{0,47}", re.ASCII)
_VERSION = "CREATE TABLE IF NOT EXISTS schema_version (id int, version int, at_ms bigint, PRIMARY KEY (id, version))"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a keyspace is.

    Args:
        hosts: some nodes of the cluster; the others are found through them.
        port: of all of them, for clients.
        keyspace: made where it is missing.
        copies: of each row, when the keyspace is made.
        user, password: none where the cluster asks for none.
        kept_days: rows older than that are gone; 0 keeps them.
        timeout_seconds: for one request.
    """

    hosts: tuple[str, ...] = ("127.0.0.1",)
    port: int = 9042
    keyspace: str = "weir"
    copies: int = 1
    user: str = ""
    password: str = ""
    kept_days: int = 90
    timeout_seconds: float = 10.0


class Keyspace:
    """A connection. Requests go to a node that holds the row; reads and writes are by local quorum. Safe for threads.

    Args:
        place: where it is.
        migrations: CQL from each version of the tables to the next; a published one never changes.
        statements: all that are asked for later, prepared at once: a node that stands still would hold that up.
        owner: makes keyspace and tables where they are missing; others refuse to read tables of another version.

    Raises:
        Refusal: no node answers, or the tables are of another version.
    """

    def __init__(self, place: Place, migrations: Sequence[Sequence[str]], owner: bool, statements: Sequence[str]) -> None:
        profile = ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy()),
            request_timeout=place.timeout_seconds,
            consistency_level=ConsistencyLevel.LOCAL_QUORUM,
            row_factory=tuple_factory,
        )
        self._place = place
        self._cluster = Cluster(
            list(place.hosts),
            port=place.port,
            protocol_version=ProtocolVersion.V5,
            auth_provider=PlainTextAuthProvider(place.user, place.password) if place.user else None,
            execution_profiles={EXEC_PROFILE_DEFAULT: profile},
            connect_timeout=CONNECT_SECONDS,
            reconnection_policy=ConstantReconnectionPolicy(RECONNECT_SECONDS, None),
        )
        try:
            self._session: Session = self._cluster.connect()
            self._open(migrations, owner)
            self._prepared = {query: self._session.prepare(query, keyspace=place.keyspace) for query in statements}
        except (DriverException, NoHostAvailable) as error:
            self._cluster.shutdown()
            where = f"{', '.join(place.hosts)} port {place.port}"
            raise Refusal("no answer from Cassandra", where=where, expected=f"keyspace {place.keyspace}", got=str(error)) from error
        except Refusal:
            self._cluster.shutdown()
            raise

    def bound(self, query: str, *values: object) -> BoundStatement:
        """A prepared statement with its values."""
        return self._prepared[query].bind(values)

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The answer to a statement that is needed once."""
        return list(self._session.execute(SimpleStatement(statement, keyspace=self._place.keyspace), values, timeout=ONCE_SECONDS))

    def rows(self, query: str, *values: object, page: int = 1_000) -> Iterator[tuple[Any, ...]]:
        """The answer to a query, read in pages as it is asked for.

        Raises:
            StoreUnavailableError: no node answers in time.
        """
        with _naming_the_store():
            bound = self.bound(query, *values)
            bound.fetch_size = page
            yield from self._session.execute(bound)

    async def first_page(self, query: str, *values: object, page: int) -> list[tuple[Any, ...]]:
        """Up to `page` rows of an answer, for an event loop: the driver's threads wait for them.

        Raises:
            StoreUnavailableError: they did not come within the place's `timeout_seconds`.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[tuple[Any, ...]]] = loop.create_future()

        def settle(act: Callable[[Any], None], outcome: object) -> None:
            if not answer.done():
                act(outcome)

        with _naming_the_store():
            bound = self.bound(query, *values)
            bound.fetch_size = page
            asked = self._session.execute_async(bound)
            asked.add_callback(lambda rows: loop.call_soon_threadsafe(settle, answer.set_result, rows))
            asked.add_errback(lambda error: loop.call_soon_threadsafe(settle, answer.set_exception, error))
            try:
                return await asyncio.wait_for(answer, self._place.timeout_seconds)
            except TimeoutError as error:
                raise StoreUnavailableError(f"Cassandra: no answer within {self._place.timeout_seconds * 1000:g} ms") from error

    def change(self, query: str, *values: object) -> bool:
        """A prepared lightweight transaction (``IF …``), which all copies agree on; whether its condition held. Costs four ways.

        Raises:
            StoreUnavailableError: no node answers in time; it may have been applied.
        """
        return self._changed(self.bound(query, *values))

    def change_all(self, changes: Iterable[BoundStatement]) -> bool:
        """Lightweight transactions on rows of one partition, as one: all are made, or none; whether all their conditions held.

        Raises:
            StoreUnavailableError: no node answers in time; they may have been applied.
        """
        batch = BatchStatement(BatchType.UNLOGGED, consistency_level=ConsistencyLevel.LOCAL_QUORUM)
        for change in changes:
            batch.add(change)
        return self._changed(batch)

    def write(self, *groups: Iterable[BoundStatement]) -> None:
        """Sends all statements of a group, in any order, and waits for all of them, whatever becomes of them; then the next group.

        Those of one node travel together, unlogged: a node applies its own without asking others.

        Raises:
            StoreUnavailableError: one of them did not succeed, or may be lost.
        """
        with _naming_the_store():
            life = self._settling.life()
            for rows in groups:
                self._send(rows)
            self._settling.settle(life)

    def close(self) -> None:
        self._cluster.shutdown()

    @functools.cached_property
    def _settling(self) -> Settling:
        return Settling(self._session, self._place.keyspace)

    def _changed(self, change: BoundStatement | BatchStatement) -> bool:
        with _naming_the_store():
            life = self._settling.life()
            applied = bool(self._session.execute(change).was_applied)
            if applied:
                self._settling.settle(life)
            return applied

    def _send(self, rows: Iterable[BoundStatement]) -> None:
        waiting: list[ResponseFuture] = []
        failed: list[Exception] = []
        for batch in self._batches(rows):
            if len(waiting) == IN_FLIGHT_MAX:
                _wait(waiting.pop(0), failed)
            waiting.append(self._session.execute_async(batch))
        for future in waiting:
            _wait(future, failed)
        if failed:
            raise failed[0]

    def _batches(self, rows: Iterable[BoundStatement]) -> Iterator[BatchStatement]:
        by_node: dict[object, list[BoundStatement]] = defaultdict(list)
        alone = len(self._cluster.metadata.all_hosts()) == 1
        for row in rows:
            by_node[None if alone else self._node_of(row)].append(row)
        for own in by_node.values():
            for part in _parts(own):
                batch = BatchStatement(BatchType.UNLOGGED, consistency_level=ConsistencyLevel.LOCAL_QUORUM)
                for row in part:
                    batch.add(row)
                yield batch

    def _node_of(self, row: BoundStatement) -> object:
        replicas = self._cluster.metadata.get_replicas(self._place.keyspace, row.routing_key)
        return replicas[0].host_id if replicas else None

    def _open(self, migrations: Sequence[Sequence[str]], owner: bool) -> None:
        if not _KEYSPACE.fullmatch(self._place.keyspace):
            expected = "a letter, then letters, digits and _, at most 48"
            raise Refusal("bad keyspace", where="WEIR_CASSANDRA_KEYSPACE", expected=expected, got=self._place.keyspace)
        if owner:
            replication = f"{{'class': 'SimpleStrategy', 'replication_factor': {self._place.copies}}}"
            self._session.execute(f"CREATE KEYSPACE IF NOT EXISTS {self._place.keyspace} WITH replication = {replication}")
        version = self._migrate(migrations) if owner else self._version()
        if version != len(migrations):
            expected = f"tables of version {len(migrations)}"
            raise Refusal(
                "store of another version",
                where=f"keyspace {self._place.keyspace}",
                expected=expected,
                got=version,
                remedy="upgrade the older side",
            )

    def _migrate(self, migrations: Sequence[Sequence[str]]) -> int:
        """Each statement may run again: another process may migrate at the same time, or one may have been stopped half-way."""
        self.run(_VERSION)
        version = self._version()
        for number, statements in enumerate(migrations[version:], version + 1):
            for statement in statements:
                self.run(statement)
            self.run("INSERT INTO schema_version (id, version, at_ms) VALUES (0, %s, %s)", number, int(time.time() * 1000))
        return max(version, len(migrations))

    def _version(self) -> int:
        return max((version for (version,) in self.run("SELECT version FROM schema_version WHERE id = 0")), default=0)


def alike(row: BoundStatement, *texts: str) -> BoundStatement:
    """`row` with other texts in its first columns: the rest need not be converted again, which is most of what binding costs."""
    made = BoundStatement(row.prepared_statement)
    made.values = [*(text.encode() for text in texts), *row.values[len(texts) :]]
    return made


def _parts(rows: list[BoundStatement]) -> Iterator[list[BoundStatement]]:
    part: list[BoundStatement] = []
    left = BATCH_BYTES_MAX
    for row in rows:
        size = sum(len(value) for value in row.values if value)
        if part and (len(part) == BATCH_ROWS_MAX or size > left):
            yield part
            part, left = [], BATCH_BYTES_MAX
        part.append(row)
        left -= size
    if part:
        yield part


@contextlib.contextmanager
def _naming_the_store() -> Iterator[None]:
    try:
        yield
    except (DriverException, NoHostAvailable) as error:
        raise StoreUnavailableError(f"Cassandra: {error}") from error


def _wait(future: ResponseFuture, failed: list[Exception]) -> None:
    try:
        future.result()
    except Exception as error:
        failed.append(error)
