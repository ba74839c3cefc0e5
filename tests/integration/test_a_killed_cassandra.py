"""What a node of Cassandra has acknowledged outlives its being killed in mid-stream, wherever its log and memtables are just then."""

import itertools
import pathlib
import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.cassandra import start_cassandra
from stores.cassandra.cassandra import Keyspace
from stores.cassandra.cassandra_opening import Place
from stores.decisions import StoreUnavailableError

ROUNDS, WRITERS, ROWS = 3, 16, 40
BYTES = 1_500
TABLES = {"gathered": 0, "flushed": 700}
"""Milliseconds after which a memtable is flushed, so that the log gives up segments and begins new ones; 0: when it is full."""
MIGRATIONS = (
    tuple(
        f"CREATE TABLE IF NOT EXISTS {table} (id bigint PRIMARY KEY, value blob) WITH memtable_flush_period_in_ms = {period_ms}"
        for table, period_ms in TABLES.items()
    ),
)
WRITES = tuple(f"INSERT INTO {table} (id, value) VALUES (?, ?)" for table in TABLES)
READS = tuple(f"SELECT id, value FROM {table}" for table in TABLES)


@pytest.fixture
def start(tmp_path: pathlib.Path) -> Iterator[Callable[[], tuple[Process, Place]]]:
    """Starts the node, each time on the same folder."""
    with Processes() as processes:

        def started() -> tuple[Process, Place]:
            port, storage_port = free_ports(2)
            return processes.add(start_cassandra(tmp_path, tmp_path / "logs", port, storage_port)), Place(port=port)

        yield started


def value_of(id: int) -> bytes:
    """Random, so that nothing can compress it."""
    return random.Random(id).randbytes(BYTES)


def write_until_it_fails(keyspace: Keyspace, ids: Iterator[int], acknowledged: list[int]) -> None:
    while True:
        some = list(itertools.islice(ids, ROWS))
        rows = [keyspace.bound(write, id, value_of(id)) for id in some for write in WRITES]
        try:
            keyspace.write(rows)
        except StoreUnavailableError:
            return
        acknowledged += some


def killed_in_mid_stream(node: Process, place: Place, ids: Iterator[int], seconds: float) -> list[int]:
    """What the node has acknowledged until it was killed."""
    acknowledged: list[int] = []
    keyspace = Keyspace(place, MIGRATIONS, True, WRITES)
    writers = [threading.Thread(target=write_until_it_fails, args=(keyspace, ids, acknowledged)) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    time.sleep(seconds)
    node.kill()
    for writer in writers:
        writer.join()
    keyspace.close()
    return acknowledged


@pytest.mark.long
def test_all_that_was_acknowledged_is_there_after_a_kill(start: Callable[[], tuple[Process, Place]]) -> None:
    ids, acknowledged = itertools.count(), set[int]()
    node, place = start()
    for number in range(ROUNDS):
        new = killed_in_mid_stream(node, place, ids, 2 + 1.37 * number)
        assert len(new) * BYTES > 1 << 20
        acknowledged.update(new)
        node, place = start()
        keyspace = Keyspace(place, MIGRATIONS, False, READS)
        for table, read in zip(TABLES, READS, strict=True):
            kept = dict(keyspace.rows(read))
            missing = sorted(acknowledged - kept.keys())
            print(f"round {number}, {table}: {len(missing)} of {len(new)} lost, {missing[:5]}")
            assert not missing
            assert all(value == value_of(id) for id, value in kept.items())
        keyspace.close()
