"""Fast reads, ``GET /v1/scores/{entity}/{id}``, over HTTP from SQLite and from Cassandra, in an open loop from another process.

The API runs on a real broker without a score job: what it reads was written before, and the answers are compared with it before
anything is timed. A core's worth is the API's CPU time, the node's apart.
"""

import argparse
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import httpx
import msgspec
import uvloop
from deliver_rate import BATCH, decisions
from open_loop import HEADINGS, OpenLoop, row_of, without_collection

from deploy.command import SAMPLES
from deploy.local.releases import publish, read_folder
from deploy.local.stack import free_settings, settings_as_environment
from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.machine.yielding import Yielding
from deploy.servers.broker import start_broker
from deploy.servers.cassandra import start_cassandra
from deploy.servers.topics import make_topics
from foundation.settings import Settings
from pipeline.sinks.decision_store import open_decisions

DECISIONS, CUSTOMERS = 60_000, 20_000
CHECKED = 500
TOKEN = "token-of-the-benchmark"
RATES = (1_000, 2_500, 5_000, 7_500)
WARM_RATE, WARM_SECONDS = 2_000, 60.0
"""While the node's JVM compiles."""
BAR_A_SECOND, BAR_P99_MS = 5_000, 5.0


class Reader(OpenLoop):
    """Reads the scores of customers in an order without locality."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._number = 0

    def request(self) -> bytes:
        self._number += 7_919
        customer = self._number % CUSTOMERS
        return f"GET /v1/scores/customer_id/c{customer} HTTP/1.1\r\nhost: {self.host}\r\nauthorization: Bearer {TOKEN}\r\n\r\n".encode()

    def outcome_of(self, status: int, answer: bytes) -> str:
        return "answered" if status == 200 else f"status {status}"


async def read(url: str, api: int, node: int, rates: list[int], seconds: float) -> None:
    """Prints a line a rate."""
    reader = Reader(url)
    await reader.connect()
    await reader.run(WARM_RATE, WARM_SECONDS)
    print(HEADINGS + "; CPU of the API, of the node", flush=True)
    for rate in rates:
        before = [_cpu_seconds(pid) for pid in (api, node)]
        with without_collection():
            run = await reader.run(rate, seconds)
        mine, others = [(_cpu_seconds(pid) - at) / seconds for pid, at in zip((api, node), before, strict=True)]
        print(
            f"{row_of(run)}; {mine:.0%} {others:.0%}; {len(run.latencies_ms) / seconds / max(mine, 1e-9):,.0f} a core of the API",
            flush=True,
        )


def _cpu_seconds(pid: int) -> float:
    if not pid:
        return 0.0
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def serving(store: str) -> Iterator[tuple[str, int, int]]:
    """An API over a store that holds decisions: its URL, its process id and that of the store's server."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder, Processes() as processes:
        settings = free_settings(pathlib.Path(folder), store=store, cassandra_port=free_ports(1)[0])
        node = _start_node(settings, processes) if store == "cassandra" else 0
        port, controller_port = int(settings.bootstrap.rpartition(":")[2]), free_ports(1)[0]
        processes.add(start_broker(settings.path("kafka"), settings.path("logs"), port, controller_port))
        make_topics(settings)
        publish(settings, read_folder(SAMPLES / "payments"), replace=True)
        _fill(settings)
        environment = os.environ | settings_as_environment(settings) | {"WEIR_TOKEN": TOKEN}
        api = processes.add(Process("api", [sys.executable, "-m", "api.server"], environment, settings.path("logs"), pathlib.Path.cwd()))
        url = f"http://127.0.0.1:{settings.api_port}"
        api.wait_until(lambda: _reads(url), 60.0, "a score")
        _check(url)
        Yielding().step(processes.all)  # as the stack has it
        yield url, api.pid, node


def _reads(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v1/scores/customer_id/c0", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    except httpx.HTTPError:
        return False


def _start_node(settings: Settings, processes: Processes) -> int:
    [storage_port] = free_ports(1)
    return processes.add(start_cassandra(settings.path("cassandra"), settings.path("logs"), settings.cassandra_port, storage_port)).pid


def _fill(settings: Settings) -> None:
    store = open_decisions(settings)
    made = decisions(DECISIONS)
    for first in range(0, DECISIONS, BATCH):
        store.write(made[first : first + BATCH])
    store.close()


def _check(url: str) -> None:
    newest = {keys[0][1]: made.event_id for made in decisions(DECISIONS) for keys in [made.keys]}
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        for customer in list(newest)[:: len(newest) // CHECKED]:
            answer = client.get(f"/v1/scores/customer_id/{customer}")
            if msgspec.json.decode(answer.content)["event_id"] != newest[customer]:
                raise AssertionError(f"customer {customer}: expected the score of {newest[customer]}, got {answer.text}")


def main() -> None:
    """Reads the command line; measures each store from a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", choices=["sqlite", "cassandra"], action="append", help="may be repeated; default both")
    parser.add_argument("--rate", type=int, action="append", help=f"requests a second; may be repeated; default {RATES}")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run")
    parser.add_argument("--reading", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    rates = arguments.rate or list(RATES)
    if arguments.reading:
        url, api, node = arguments.reading
        uvloop.run(read(url, int(api), int(node), rates, arguments.seconds))
        return
    options = [part for rate in rates for part in ("--rate", str(rate))] + ["--seconds", str(arguments.seconds)]
    for store in arguments.store or ["sqlite", "cassandra"]:
        print(f"{store}; the bar: {BAR_A_SECOND:,} a second a core, p99 {BAR_P99_MS:g} ms", flush=True)
        with serving(store) as (url, api, node):
            time.sleep(2.0)
            subprocess.run([sys.executable, __file__, *options, "--reading", url, str(api), str(node)], check=True)


if __name__ == "__main__":
    main()
