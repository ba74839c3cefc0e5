"""One prepared query of a keyspace, asked from an event loop through the C++ driver.

A read by one key costs this process 23 µs and the node 100 to 118, where the Python driver takes 137 and 240 to 310: it answers from
threads that compete with the loop for the interpreter, and sends each request by itself. Pages and writes stay with the Python driver,
see `stores.cassandra.cassandra` and docs/decisions/0149.
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
    """Connects at its first use on a loop, and again by itself; for one event loop at a time.

    Args:
        place: where the keyspace is; requests are by local quorum, to a node that holds the row.
        query: CQL with place holders.
        page: rows of an answer at most.
    """

    def __init__(self, place: Place, query: str, page: int) -> None:
        self._place = place
        self._query = query
        self._page = page
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Future[tuple[Any, Any]] | None = None
        self._opened_at = 0.0

    async def rows(self, *values: object) -> list[tuple[Any, ...]]:
        """The first page of the answer.

        Raises:
            StoreUnavailableError: it did not come within the place's `timeout_seconds`, the first connection included.
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
        """Lets the connection go."""
        self._opening = self._loop = None

    def _opened(self) -> "asyncio.Future[tuple[Any, Any]]":
        """The session and its prepared query, once for all that ask meanwhile; tried again `RECONNECT_SECONDS` after a failure."""
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
            log_level="critical",  # it calls each node an error that is not of the brand whose shards it looks for
            application_name="weir",
        )
        session = await cluster.create_session(keyspace=place.keyspace)
        return session, await session.create_prepared(self._query)
