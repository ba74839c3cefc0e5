"""The store of decisions that the settings name, for who writes and for who reads."""

import pathlib

from foundation.refusal import Refusal
from foundation.settings import CERTIFICATE_FILE, Settings
from stores.cassandra.cassandra_decisions import CassandraDecisions
from stores.cassandra.cassandra_opening import Place
from stores.decisions import Decisions
from stores.sqlite.sqlite_decisions import SqliteDecisions, SqliteDecisionsReader

WRITE_SECONDS_MAX = 10.0


def open_decisions(settings: Settings) -> Decisions:
    """For the one that writes; makes its tables where they are missing.

    Raises:
        Refusal: it does not answer, or is of another version.
    """
    if settings.store == "cassandra":
        return CassandraDecisions(cassandra_place(settings, WRITE_SECONDS_MAX))
    return SqliteDecisions(settings.path("decisions.db"), settings.decisions_kept_days)


def open_decisions_reader(settings: Settings, timeout_seconds: float = WRITE_SECONDS_MAX, patient: bool = False) -> Decisions:
    """For reading only.

    Args:
        timeout_seconds: for one request to a server.
        patient: a server that does not answer may do so later.

    Raises:
        Refusal: it does not answer, or is of another version.
    """
    if settings.store == "cassandra":
        return CassandraDecisions(cassandra_place(settings, timeout_seconds, patient), owner=False)
    return SqliteDecisionsReader(settings.path("decisions.db"))


def cassandra_place(settings: Settings, timeout_seconds: float, patient: bool = False) -> Place:
    """Where the settings say that the keyspace is."""
    own = settings.path("cassandra", "keys", CERTIFICATE_FILE)
    known = str(own) if settings.cassandra_hosts == "127.0.0.1" and own.exists() else ""
    return Place(
        hosts=tuple(host.strip() for host in settings.cassandra_hosts.split(",")),
        port=settings.cassandra_port,
        keyspace=settings.cassandra_keyspace,
        copies=settings.cassandra_copies,
        user=settings.cassandra_user,
        password=_secret(settings.cassandra_password_file),
        certificate_file=settings.cassandra_certificate_file or known,
        ca_file=settings.cassandra_ca_file or known,
        kept_days=settings.decisions_kept_days,
        timeout_seconds=timeout_seconds,
        patient=patient,
    )


def _secret(file: str) -> str:
    if not file:
        return ""
    try:
        return pathlib.Path(file).read_text().strip()
    except OSError as error:
        raise Refusal("no password", where=file, expected="a file that holds it", got=str(error.strerror)) from error
