"""Connections to PostgreSQL that never wait for an answer without an end."""

import contextlib
from collections.abc import Iterator
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, Engine, create_engine

from foundation.refusal import Refusal

ANSWER_SECONDS_MAX = 3.0
CONNECT_SECONDS_MAX = 2
"""The least that PostgreSQL's library takes."""
CONNECTIONS = 4
CONNECTIONS_MAX = 16
Answer = TypeVar("Answer")


class PunctualConnection(psycopg.Connection[Any]):
    """Gives a server up that has not answered a statement in time: one that stands still would keep the thread for ever."""

    answer_seconds_max = ANSWER_SECONDS_MAX

    def wait(self, gen: PQGen[Answer], interval: float = 0.1, timeout: float | None = None) -> Answer:
        seconds = self.answer_seconds_max if timeout is None else timeout
        try:
            return super().wait(gen, interval, seconds)
        except psycopg.OperationalError as error:
            # The answer may still come, and would then be taken for that to the next statement.
            if type(error) is psycopg.errors._WaitTimeout:
                self.close()
                raise psycopg.OperationalError(f"no answer within {seconds:g} s") from error
            raise


def make_postgresql_engine(url: str) -> Engine:
    """Connections to the database of `url`; none that was lost meanwhile is given out."""

    def connect() -> PunctualConnection:
        return PunctualConnection.connect(url, connect_timeout=CONNECT_SECONDS_MAX, application_name="weir")

    return create_engine(
        "postgresql+psycopg://",
        creator=connect,
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS_MAX - CONNECTIONS,
        pool_timeout=ANSWER_SECONDS_MAX,
        pool_pre_ping=True,
    )


@contextlib.contextmanager
def waiting_longer(connection: Connection, seconds: float) -> Iterator[None]:
    """Meanwhile a statement may take up to `seconds`, as one does that changes a large table or waits for another process that does."""
    driver_connection = connection.connection.driver_connection
    if isinstance(driver_connection, PunctualConnection):
        driver_connection.answer_seconds_max = seconds
    try:
        yield
    finally:
        if isinstance(driver_connection, PunctualConnection):
            driver_connection.answer_seconds_max = ANSWER_SECONDS_MAX


def without_password(url: str) -> str:
    """Host, port and database of `url`, for messages.

    Raises:
        Refusal: it is not one that PostgreSQL's library takes.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        # What the library says may hold a part of the password.
        raise Refusal(
            "bad database URL",
            where="WEIR_DATABASE_URL",
            expected="postgresql://user:password@host:port/database",
            got="one that cannot be read",
            remedy="write :, /, @, % and other signs inside the password as %3A, %2F, %40, %25",
        ) from error
    return f"{parts.get('host', 'localhost')} port {parts.get('port', 5432)}, database {parts.get('dbname', parts.get('user', ''))}"
