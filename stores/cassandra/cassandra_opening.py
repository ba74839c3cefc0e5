"""A keyspace of a Cassandra cluster is opened here: it connects, migrates the tables and prepares the statements once."""

import re
import ssl
import threading
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from cassandra import ConsistencyLevel, DriverException, ProtocolVersion
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import ConstantReconnectionPolicy, DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.query import PreparedStatement, SimpleStatement, tuple_factory

from foundation.refusal import Refusal
from stores.opened_later import RECONNECT_SECONDS, NoAnswerError

CONNECT_SECONDS = 5.0
ONCE_SECONDS = 10.0
"""The timeout of a statement while a keyspace is opened; it is longer than a reader's, since a start on a busy machine is slow."""
_KEYSPACE = re.compile(r"[A-Za-z]\w{0,47}", re.ASCII)
_ONE_MIGRATES = threading.Lock()
_VERSION = "CREATE TABLE IF NOT EXISTS schema_version (id int, version int, at_ms bigint, PRIMARY KEY (id, version))"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The address, the credentials and the options of a keyspace.

    Args:
        hosts: some nodes of the cluster; the others are found through them.
        port: port for clients, the same on all nodes.
        keyspace: name of the keyspace; its owner makes it if it is missing.
        copies: number of copies of each row; it is used only when the keyspace is made.
        user, password: empty if the cluster asks for none.
        certificate_file: PEM file of the certificate and key that are shown to nodes; empty for none.
        ca_file: PEM file of the certificates that the nodes' are checked by; if empty, connections are not encrypted.
        kept_days: rows are deleted after this many days; 0 keeps them for ever.
        timeout_seconds: the longest that one request may take.
        patient: open the keyspace even if no node answers, and look for one once a second.
    """

    hosts: tuple[str, ...] = ("127.0.0.1",)
    port: int = 9042
    keyspace: str = "weir"
    copies: int = 1
    user: str = ""
    password: str = ""
    certificate_file: str = ""
    ca_file: str = ""
    kept_days: int = 90
    timeout_seconds: float = 10.0
    patient: bool = False


class Opened(msgspec.Struct, frozen=True):
    """A connection, and the statements that were prepared on it."""

    cluster: Cluster
    session: Session
    prepared: dict[str, PreparedStatement]


class Opening:
    """Opens one keyspace, and can be tried again after a failure.

    Args:
        place: where the keyspace is.
        migrations: CQL statements from each version of the tables to the next; a published migration never changes.
        owner: make the keyspace and the tables if they are missing; otherwise tables of another version are refused.
        statements: all statements that are used later; they are prepared now, so that no request waits for a preparation.

    Raises:
        Refusal: the keyspace's name is not valid.
    """

    def __init__(self, place: Place, migrations: Sequence[Sequence[str]], owner: bool, statements: Sequence[str]) -> None:
        if not _KEYSPACE.fullmatch(place.keyspace):
            expected = "a letter, then letters, digits and _, at most 48"
            raise Refusal("bad keyspace", where="WEIR_CASSANDRA_KEYSPACE", expected=expected, got=place.keyspace)
        self._place = place
        self._migrations = migrations
        self._owner = owner
        self._statements = statements

    def open(self) -> Opened:
        """Connects, migrates the tables if this process is their owner, and prepares the statements.

        Raises:
            NoAnswerError: no node answers.
            Refusal: another version of Weir made the tables.
        """
        place = self._place
        cluster = None
        try:
            cluster = _cluster_at(place)
            session = cluster.connect()
            self._require_tables(session)
            return Opened(cluster, session, {query: session.prepare(query, keyspace=place.keyspace) for query in self._statements})
        except Exception as error:
            if cluster is not None:
                cluster.shutdown()
            if not isinstance(error, DriverException | NoHostAvailable):
                raise
            raise _no_answer(place, error) from error

    def _require_tables(self, session: Session) -> None:
        version = self._migrate(session) if self._owner else self._version(session)
        if version != len(self._migrations):
            raise Refusal(
                "store of another version",
                where=f"keyspace {self._place.keyspace}",
                expected=f"tables of version {len(self._migrations)}",
                got=version,
                remedy="upgrade whichever is older: this program, or the process that owns the tables",
            )

    def _migrate(self, session: Session) -> int:
        """Migrates the tables. Each statement may run twice, as another process may migrate too, or was stopped before its end."""
        with _ONE_MIGRATES:
            replication = f"{{'class': 'SimpleStrategy', 'replication_factor': {self._place.copies}}}"
            session.execute(f"CREATE KEYSPACE IF NOT EXISTS {self._place.keyspace} WITH replication = {replication}")
            run_once(session, self._place.keyspace, _VERSION)
            version = self._version(session)
            for number, statements in enumerate(self._migrations[version:], version + 1):
                for statement in statements:
                    run_once(session, self._place.keyspace, statement)
                now_ms = int(time.time() * 1000)
                run_once(
                    session, self._place.keyspace, "INSERT INTO schema_version (id, version, at_ms) VALUES (0, %s, %s)", number, now_ms
                )
            return max(version, len(self._migrations))

    def _version(self, session: Session) -> int:
        rows = run_once(session, self._place.keyspace, "SELECT version FROM schema_version WHERE id = 0")
        return max((version for (version,) in rows), default=0)


def connected_to(place: Place) -> tuple[Cluster, Session]:
    """Connects to the cluster without making tables or preparing statements.

    Raises:
        NoAnswerError: no node answers.
    """
    cluster = _cluster_at(place)
    try:
        return cluster, cluster.connect()
    except Exception as error:
        cluster.shutdown()
        if not isinstance(error, DriverException | NoHostAvailable):
            raise
        raise _no_answer(place, error) from error


def _no_answer(place: Place, error: Exception) -> NoAnswerError:
    where = f"{', '.join(place.hosts)} port {place.port}"
    return NoAnswerError("no answer from Cassandra", where=where, expected=f"keyspace {place.keyspace}", got=str(error))


def run_once(session: Session, keyspace: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Runs a statement that is not prepared, and returns all rows of its answer."""
    return list(session.execute(SimpleStatement(statement, keyspace=keyspace), values, timeout=ONCE_SECONDS))


def _tls(place: Place) -> ssl.SSLContext | None:
    if not place.ca_file:
        return None
    try:
        context = ssl.create_default_context(cafile=place.ca_file)
        if place.certificate_file:
            context.load_cert_chain(place.certificate_file)
    except OSError as error:
        where = f"{place.ca_file} {place.certificate_file}"
        remedy = "WEIR_CASSANDRA_CA_FILE and WEIR_CASSANDRA_CERTIFICATE_FILE name the files"
        expected = "two PEM files: one of the CA certificates that the nodes' are checked by, one of this client's certificate and key"
        raise Refusal("no certificate for Cassandra", where=where, expected=expected, got=str(error), remedy=remedy) from error
    return context


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
        ssl_context=_tls(place),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        connect_timeout=CONNECT_SECONDS,
        reconnection_policy=ConstantReconnectionPolicy(RECONNECT_SECONDS, None),
    )
