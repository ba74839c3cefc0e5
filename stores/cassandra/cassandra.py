"""A keyspace of a Cassandra cluster is read and written here, with prepared statements and many writes at a time.

It uses cassandra-driver. A single row is read by its key through another driver, for 23 µs of CPU instead of 137 µs, see
`stores.cassandra.cassandra_quick` and docs/decisions/0149.

A write that has returned outlives a killed node, see `stores.cassandra.cassandra_settling`.
"""

import contextlib
import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from cassandra import ConsistencyLevel, DriverException
from cassandra.cluster import NoHostAvailable, ResponseFuture, Session
from cassandra.metadata import Metadata
from cassandra.query import BatchStatement, BatchType, BoundStatement, SimpleStatement

from stores.cassandra.cassandra_opening import Opening, Place, run_once
from stores.cassandra.cassandra_settling import Settling
from stores.decisions import StoreUnavailableError
from stores.opened_later import OpenedLater

BATCH_ROWS_MAX = 200
BATCH_BYTES_MAX = 131_072
"""The most bytes of values in one batch, far below what a node refuses (``batch_size_fail_threshold``). A larger row is sent alone."""
IN_FLIGHT_MAX = 8
READS_IN_FLIGHT_MAX = 32


class Keyspace:
    """A connection to one keyspace. Requests go to a node that holds the row; reads and writes use local quorum. It is thread-safe.

    Args:
        place, migrations, owner, statements: see `Opening`.

    Raises:
        Refusal: no node answers and `place` is not patient, another version of Weir made the tables, or the keyspace's name is not valid.
    """

    def __init__(self, place: Place, migrations: Sequence[Sequence[str]], owner: bool, statements: Sequence[str]) -> None:
        self.name = place.keyspace.lower()
        self._keyspace = place.keyspace
        opening = Opening(place, migrations, owner, statements)
        self._opened = OpenedLater(opening.open, lambda opened: opened.cluster.shutdown(), place.patient)

    def bound(self, query: str, *values: object) -> BoundStatement:
        """Binds values to the prepared statement of `query`."""
        return self._opened.get().prepared[query].bind(values)

    def run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Runs a statement that is not prepared, and returns all rows of its answer."""
        return run_once(self._session, self._keyspace, statement, *values)

    def once(self, query: str, page: int) -> Iterator[tuple[Any, ...]]:
        """Runs a query that is not prepared, and gives its rows; they are read in pages of `page` rows, as they are asked for.

        Raises:
            StoreUnavailableError: no node answers in time.
        """
        with _naming_the_store():
            yield from self._session.execute(SimpleStatement(query, keyspace=self._keyspace, fetch_size=page))

    def rows(self, query: str, *values: object, page: int = 1_000) -> Iterator[tuple[Any, ...]]:
        """Runs a prepared query, and gives its rows; they are read in pages of `page` rows, as they are asked for.

        Raises:
            StoreUnavailableError: no node answers in time.
        """
        with _naming_the_store():
            bound = self.bound(query, *values)
            bound.fetch_size = page
            yield from self._session.execute(bound)

    def side_by_side(self, query: str, many: Sequence[Sequence[object]], page: int) -> list[Iterable[tuple[Any, ...]]]:
        """Runs a prepared query once for each set of values, with at most `READS_IN_FLIGHT_MAX` requests for first pages at a time.

        Raises:
            StoreUnavailableError: no node answers in time.
        """
        answers: list[Iterable[tuple[Any, ...]]] = []
        with _naming_the_store():
            for first in range(0, len(many), READS_IN_FLIGHT_MAX):
                asked = []
                for values in many[first : first + READS_IN_FLIGHT_MAX]:
                    bound = self.bound(query, *values)
                    bound.fetch_size = page
                    asked.append(self._session.execute_async(bound))
                answers += [_walked(each.result()) for each in asked]
        return answers

    def write(self, *groups: Iterable[BoundStatement]) -> None:
        """Writes one group of statements after the other: it sends a group in any order and waits until each has succeeded or failed.

        The statements for one node travel together in unlogged batches, which the node applies without asking others.

        Raises:
            StoreUnavailableError: a statement failed, or may be lost; others may have been applied.
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
        return Settling(self._session, self._keyspace)

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
        replicas = metadata.get_replicas(self._keyspace, row.routing_key)
        return replicas[0].host_id if replicas else None


def _walked(answer: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Gives the rows of an answer, and names the store in the error if no node answers when a later page is asked for."""
    with _naming_the_store():
        yield from answer


def alike(row: BoundStatement, *texts: str) -> BoundStatement:
    """Copies `row` with other texts in its first columns; it is faster than `bind`, since the other values are not converted again."""
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
