"""Decisions a second into each store, and latest scores a second out of it, one process each beside the server.

Decisions of 1.5 KB of a user and two further entities. Before a figure is given, some are read back and compared. CPU time is that of
this process and of Cassandra's; their sum is what a decision costs the machine.
"""

import json
import pathlib
import statistics
import sys
import tempfile
import time

import msgspec

from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.cassandra import start_cassandra
from stores.cassandra.cassandra_decisions import CassandraDecisions
from stores.cassandra.cassandra_opening import Place
from stores.decisions import Decisions, EventName, StoredDecision, TopicPlace
from stores.sqlite.sqlite_decisions import SqliteDecisions

DECISIONS, BATCH, WARM = 60_000, 2_000, 20_000
READS = 5_000
BAR_A_SECOND = 5_000


def decisions(count: int) -> list[StoredDecision]:
    """One in fifty is flagged."""
    told = {"features": {f"feature_{n}": n * 1.23456 for n in range(40)}, "reasons": ["much more than usual"] * 3}
    made = []
    for number in range(count):
        value = msgspec.json.encode({"event_id": str(number), **told})
        keys = (("customer_id", f"c{number * 7919 % 20_000}"), ("terminal_id", f"t{number % 5_000}"), ("device_id", f"d{number % 9_000}"))
        order = (number + (1 << 63)).to_bytes(8, "big")
        action = "approve" if number % 50 else "review"
        found_by = (str(number), 0, 1_700_000_000_000 + 50 * number, order, keys)
        made.append(StoredDecision(*found_by, number % 1_000 / 1_000, action, 1, value, False, TopicPlace(0, number)))
    return made


def measured(store: Decisions, server: Process | None) -> dict[str, object]:
    """Rates by the clock, and CPU microseconds a decision."""
    made = decisions(WARM + DECISIONS)
    for first in range(0, WARM, BATCH):
        store.write(made[first : first + BATCH])
    before, began = _cpu_seconds(server), time.perf_counter()
    for first in range(WARM, len(made), BATCH):
        if store.write(made[first : first + BATCH]) != BATCH:
            raise AssertionError("not all of them were new")
    seconds, cpu = time.perf_counter() - began, [after - at for after, at in zip(_cpu_seconds(server), before, strict=True)]
    some = made[:: len(made) // 500]
    if store.get_many([EventName(each.event_id) for each in some]) != {EventName(each.event_id): [each] for each in some}:
        raise AssertionError("what was read is not what was written")
    waits = []
    for number in range(READS):
        began = time.perf_counter()
        latest = store.latest("customer_id", f"c{number * 7919 % 20_000}")
        waits.append(time.perf_counter() - began)
        if latest is None:
            raise AssertionError("an entity without a score")
    return {
        "written_a_second": round(DECISIONS / seconds),
        "client_us": round(cpu[0] / DECISIONS * 1e6, 1),
        "server_us": round(cpu[1] / DECISIONS * 1e6, 1),
        "latest_a_second": round(READS / sum(waits)),
        "latest_p99_ms": round(statistics.quantiles(waits, n=100)[98] * 1000, 2),
    }


def _cpu_seconds(server: Process | None) -> tuple[float, float]:
    if server is None:
        return time.process_time(), 0.0
    fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return time.process_time(), (int(fields[11]) + int(fields[12])) / 100


def run() -> dict[str, object]:
    """Both stores."""
    with tempfile.TemporaryDirectory() as name, Processes() as processes:
        folder = pathlib.Path(name)
        port, storage_port = free_ports(2)
        server = processes.add(start_cassandra(folder / "cassandra", folder / "logs", port, storage_port))
        found = {}
        for kind in ("sqlite", "cassandra"):
            store: Decisions = CassandraDecisions(Place(port=port)) if kind == "cassandra" else SqliteDecisions(folder / "decisions.db")
            found[kind] = measured(store, server if kind == "cassandra" else None)
            store.close()
    met = all(int(str(each["written_a_second"])) >= BAR_A_SECOND for each in found.values())
    return {"what": "decisions into a store, and latest scores out of it", "stores": found, "bar_a_second": BAR_A_SECOND, "met": met}


if __name__ == "__main__":
    result = run()
    json.dump(result, sys.stdout, indent=1)
    sys.exit(0 if result["met"] else 1)
