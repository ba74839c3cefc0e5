"""One prepared query of a keyspace is run from an event loop through the C++ driver.

A read by one key costs 23 µs of CPU in this process and 100 to 118 µs in the node. With the Python driver it costs 137 µs and 240 to
310 µs, because that driver answers from threads that compete with the loop for the interpreter and sends each request by itself. Pages and
writes stay with the Python driver, see `stores.cassandra.cassandra` and docs/decisions/0149.
"""

import asyncio
import pathlib
import time
from typing import Any

import acsylla
from acsylla.errors import CassException

from stores.cassandra.cassandra_opening import CONNECT_SECONDS, Place
from stores.decisions import StoreUnavailableError
from stores.opened_later import RECONNECT_SECONDS


class QuickQuery:
    """Runs one query. It connects at its first use on an event loop and reconnects by itself; it is for one event loop at a time.

    Args:
        place: where the keyspace is; requests use local quorum and go to a node that holds the row.
        query: CQL with placeholders.
        page: the most rows of an answer.
    """

    def __init__(self, place: Place, query: str, page: int) -> None:
        self._place = place
        self._query = query
        self._page = page
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Future[tuple[Any, Any]] | None = None
        self._opened_at = 0.0

    async def rows(self, *values: object) -> list[tuple[Any, ...]]:
        """Runs the query with `values` and returns the first page of its answer.

        Raises:
            StoreUnavailableError: the answer did not come within the place's `timeout_seconds`, which include the first connection.
        """
        try:
            async with asyncio.timeout(self._place.timeout_seconds):
                session, prepared = await asyncio.shield(self._opened())
                bound = prepared.bind(page_size=self._page)
                bound.bind_list([*values])
                answer = await session.execute(bound)
        except TimeoutError as error:
            raise StoreUnavailableError(f"Cassandra: no answer within {self._place.timeout_seconds * 1000:g} ms") from error
        except CassException as error:
            raise StoreUnavailableError(f"Cassandra: {error}") from error
        return [tuple(row.as_list()) for row in answer]

    def close(self) -> None:
        """Drops the connection."""
        self._opening = self._loop = None

    def _opened(self) -> "asyncio.Future[tuple[Any, Any]]":
        """The session and its prepared query, opened once for all callers; it is tried again `RECONNECT_SECONDS` after a failure."""
        loop, opening = asyncio.get_running_loop(), self._opening
        failed = opening is not None and opening.done() and (opening.cancelled() or opening.exception() is not None)
        if opening is None or self._loop is not loop or (failed and time.monotonic() > self._opened_at + RECONNECT_SECONDS):
            self._loop, self._opened_at = loop, time.monotonic()
            self._opening = opening = loop.create_task(self._open())
        return opening

    async def _open(self) -> tuple[Any, Any]:
        place = self._place
        shown = pathlib.Path(place.certificate_file).read_text() if place.certificate_file else None
        cluster = acsylla.create_cluster(
            list(place.hosts),
            port=place.port,
            username=place.user or None,
            password=place.password or None,
            ssl_enabled=bool(place.ca_file),
            ssl_trusted_cert=pathlib.Path(place.ca_file).read_text() if place.ca_file else None,
            ssl_cert=shown,
            ssl_private_key=shown,
            connect_timeout=CONNECT_SECONDS,
            request_timeout=place.timeout_seconds,
            consistency=acsylla.Consistency.LOCAL_QUORUM,
            constant_reconnect_delay_ms=int(RECONNECT_SECONDS * 1000),
            log_level="critical",  # at a lower level it logs an error for each node that is not ScyllaDB
            application_name="weir",
        )
        session = await cluster.create_session(keyspace=place.keyspace)
        return session, await session.create_prepared(self._query)
