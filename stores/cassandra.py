"""A keyspace of a Cassandra cluster: tables made by migrations, statements prepared once, many writes at a time.

What a write has returned from outlives a killed node, see `stores.cassandra_settling`.
"""

import contextlib
import functools
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from cassandra import ConsistencyLevel, DriverException, ProtocolVersion
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, ResponseFuture, Session
from cassandra.metadata import Metadata
from cassandra.policies import ConstantReconnectionPolicy, DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import BatchStatement, BatchType, BoundStatement, PreparedStatement, SimpleStatement, tuple_factory

from features.refusal import Refusal
from stores.cassandra_settling import Settling
from stores.decisions import StoreUnavailableError
from stores.opened_later import RECONNECT_SECONDS, NoAnswerError, OpenedLater

BATCH_ROWS_MAX = 200
BATCH_BYTES_MAX = 131_072
"""Of the values of one batch; far below what a node refuses, see ``batch_size_fail_threshold``. A greater row goes alone."""
IN_FLIGHT_MAX = 8
CONNECT_SECONDS = 5.0
ONCE_SECONDS = 10.0
"""For a statement of the opening: what readers may be kept waiting for later says nothing about a start on a busy machine."""
_KEYSPACE = re.compile(r"[A-Za-z]\w{0,47}", re.ASCII)
_ONE_MIGRATES = threading.Lock()
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
        patient: while no node answers, it is opened all the same, and looks for one once a second.
    """

    hosts: tuple[str, ...] = ("127.0.0.1",)
    port: int = 9042
    keyspace: str = "weir"
    copies: int = 1
    user: str = ""
    password: str = ""
    kept_days: int = 90
    timeout_seconds: float = 10.0
    patient: bool = False


class _Opened(msgspec.Struct, frozen=True):
    cluster: Cluster
    session: Session
    prepared: dict[str, PreparedStatement]


class Keyspace:
    """A connection. Requests go to a node that holds the row; reads and writes are by local quorum. Safe for threads.

    Args:
        place: where it is.
        migrations: CQL from each version of the tables to the next; a published one never changes.
        statements: all that are asked for later, prepared at once: a node that stands still would hold that up.
        owner: makes keyspace and tables where they are missing; others refuse to read tables of another version.

    Raises:
        Refusal: no node answers and `place` is not patient, or the tables are of another version.
    """

    def __init__(self, place: Place, migrations: Sequence[Sequence[str]], owner: bool, statements: Sequence[str]) -> None:
        if not _KEYSPACE.fullmatch(place.keyspace):
            expected = "a letter, then letters, digits and _, at most 48"
            raise Refusal("bad keyspace", where="WEIR_CASSANDRA_KEYSPACE", expected=expected, got=place.keyspace)
        self._place = place
        self._migrations = migrations
        self._owner = owner
        self._statements = statements
        self._opened = OpenedLater(self._open, lambda opened: opened.cluster.shutdown(), place.patient)

    def bound(self, query: str, *values: object) -> BoundStatement:
        """A prepared statement with its values."""
        return self._opened.get().prepared[query].bind(values)

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The answer to a statement that is needed once."""
        return self._run(self._session, statement, *values)

    def rows(self, query: str, *values: object, page: int = 1_000) -> Iterator[tuple[Any, ...]]:
        """The answer to a query, read in pages as it is asked for.

        Raises:
            StoreUnavailableError: no node answers in time.
        """
        with _naming_the_store():
            bound = self.bound(query, *values)
            bound.fetch_size = page
            yield from self._session.execute(bound)

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
        self._opened.close()

    @property
    def _session(self) -> Session:
        return self._opened.get().session

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
        metadata = self._opened.get().cluster.metadata
        alone = len(metadata.all_hosts()) == 1
        for row in rows:
            by_node[None if alone else self._node_of(row, metadata)].append(row)
        for own in by_node.values():
            for part in _parts(own):
                batch = BatchStatement(BatchType.UNLOGGED, consistency_level=ConsistencyLevel.LOCAL_QUORUM)
                for row in part:
                    batch.add(row)
                yield batch

    def _node_of(self, row: BoundStatement, metadata: Metadata) -> object:
        replicas = metadata.get_replicas(self._place.keyspace, row.routing_key)
        return replicas[0].host_id if replicas else None

    def _open(self) -> _Opened:
        place = self._place
        cluster = None
        try:
            cluster = _cluster_at(place)
            session = cluster.connect()
            self._require_tables(session)
            return _Opened(cluster, session, {query: session.prepare(query, keyspace=place.keyspace) for query in self._statements})
        except Exception as error:
            if cluster is not None:
                cluster.shutdown()
            if not isinstance(error, DriverException | NoHostAvailable):
                raise
            where = f"{', '.join(place.hosts)} port {place.port}"
            raise NoAnswerError("no answer from Cassandra", where=where, expected=f"keyspace {place.keyspace}", got=str(error)) from error

    def _require_tables(self, session: Session) -> None:
        version = self._migrate(session) if self._owner else self._version(session)
        if version != len(self._migrations):
            raise Refusal(
                "store of another version",
                where=f"keyspace {self._place.keyspace}",
                expected=f"tables of version {len(self._migrations)}",
                got=version,
                remedy="upgrade the older side",
            )

    def _migrate(self, session: Session) -> int:
        """Each statement may run again: another process may migrate at the same time, or one may have been stopped half-way."""
        with _ONE_MIGRATES:
            replication = f"{{'class': 'SimpleStrategy', 'replication_factor': {self._place.copies}}}"
            session.execute(f"CREATE KEYSPACE IF NOT EXISTS {self._place.keyspace} WITH replication = {replication}")
            self._run(session, _VERSION)
            version = self._version(session)
            for number, statements in enumerate(self._migrations[version:], version + 1):
                for statement in statements:
                    self._run(session, statement)
                now_ms = int(time.time() * 1000)
                self._run(session, "INSERT INTO schema_version (id, version, at_ms) VALUES (0, %s, %s)", number, now_ms)
            return max(version, len(self._migrations))

    def _version(self, session: Session) -> int:
        rows = self._run(session, "SELECT version FROM schema_version WHERE id = 0")
        return max((version for (version,) in rows), default=0)

    def _run(self, session: Session, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return list(session.execute(SimpleStatement(statement, keyspace=self._place.keyspace), values, timeout=ONCE_SECONDS))


def _cluster_at(place: Place) -> Cluster:
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy()),
        request_timeout=place.timeout_seconds,
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        row_factory=tuple_factory,
    )
    return Cluster(
        list(place.hosts),
        port=place.port,
        protocol_version=ProtocolVersion.V5,
        auth_provider=PlainTextAuthProvider(place.user, place.password) if place.user else None,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        connect_timeout=CONNECT_SECONDS,
        reconnection_policy=ConstantReconnectionPolicy(RECONNECT_SECONDS, None),
    )


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
