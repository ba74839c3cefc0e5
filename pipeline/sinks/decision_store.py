"""The store of decisions that the settings name is opened here, for writing or for reading."""

import pathlib
from typing import TYPE_CHECKING

from foundation.age_clock import AgeClock
from foundation.refusal import Refusal
from foundation.settings import CERTIFICATE_FILE, Settings
from stores.decisions import Decisions
from stores.sqlite.sqlite_decisions import SqliteDecisions, SqliteDecisionsReader

if TYPE_CHECKING:
    from stores.cassandra.cassandra_opening import Place

WRITE_SECONDS_MAX = 10.0


def open_decisions(settings: Settings) -> Decisions:
    """Opens the store for its one writer, and makes the tables that are missing.

    Raises:
        Refusal: the store does not answer, or another version of Weir made its tables.
    """
    if settings.store == "cassandra":
        from stores.cassandra.cassandra_decisions import CassandraDecisions  # its drivers take 15 MB, which other stores do not need

        return CassandraDecisions(cassandra_place(settings, WRITE_SECONDS_MAX))
    age = AgeClock(settings.path("decisions.age"))
    return SqliteDecisions(settings.path("decisions.db"), settings.decisions_kept_days, age_ms=age.now_ms)


def open_decisions_reader(settings: Settings, timeout_seconds: float = WRITE_SECONDS_MAX, patient: bool = False) -> Decisions:
    """Opens the store for reading only.

    Args:
        timeout_seconds: the longest that one request to a server may take.
        patient: open the store even if no server answers now, and connect once one does; otherwise this is refused.

    Raises:
        Refusal: the store does not answer, or another version of Weir made its tables.
    """
    if settings.store == "cassandra":
        from stores.cassandra.cassandra_decisions import CassandraDecisions  # see `open_decisions`

        return CassandraDecisions(cassandra_place(settings, timeout_seconds, patient), owner=False)
    return SqliteDecisionsReader(settings.path("decisions.db"))


def cassandra_place(settings: Settings, timeout_seconds: float, patient: bool = False) -> "Place":
    """Gives the address, the credentials and the options of Cassandra's keyspace as the settings name them.

    Raises:
        Refusal: the password file cannot be read.
    """
    from stores.cassandra.cassandra_opening import Place  # see `open_decisions`

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
        remedy = "WEIR_CASSANDRA_PASSWORD_FILE names the file"
        expected = "a readable file that holds the password"
        raise Refusal("no password for Cassandra", where=file, expected=expected, got=str(error.strerror), remedy=remedy) from error
