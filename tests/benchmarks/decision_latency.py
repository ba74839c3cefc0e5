"""Latency of synchronous decisions against a running API: open loop, so that a slow answer delays no later request.

Each request has its time in a plan that is made before the start; its latency counts from that time, not from when it was
sent, and so a stall of the generator or the service is in the figures of all that it held up. Alone it starts a system of its
own and measures it from another process; with `--url` it measures a running one:

    python tests/benchmarks/decision_latency.py --url http://127.0.0.1:18000 --token-file .weir/token --rate 100 --rate 500

Beside each run a Kafka client sends small records to the same broker and back (`echo`): what the machine and the broker cost.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import pathlib
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import cast
from urllib.parse import urlsplit

import msgspec
import numpy as np
import uvloop
from kafka_echo import Echo

from deploy.command import SAMPLES
from deploy.payments import Town
from deploy.releases import read_folder
from deploy.stack import Stack, free_settings

DRAIN_SECONDS_MAX = 12.0
CONNECTIONS = 64


@dataclass
class Run:
    """What one rate gave: latencies in ms by request, outcomes by their count."""

    rate: int
    latencies_ms: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    sent_late_ms: float = 0.0


class Connection(asyncio.Protocol):
    """One kept-alive connection; requests on it are answered one after another.

    HTTP/1.1 by hand, since a client library costs more than the service under test and would be what is measured.
    """

    def __init__(self, free: "deque[Connection]") -> None:
        self._free = free
        self._buffer = b""
        self._need = -1
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionError("the service closed the connection"))

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        """Sends `request`; gives status and body."""
        assert self.transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._need < 0:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._buffer[:end].lower()
            at = head.index(b"content-length:") + 15
            self._need = end + 4 + int(head[at:].split(b"\r\n", 1)[0])
        if len(self._buffer) >= self._need:
            status, body = int(self._buffer[9:12]), self._buffer[self._buffer.find(b"\r\n\r\n") + 4 : self._need]
            self._buffer, self._need = b"", -1
            answer, self._answer = self._answer, None
            self._free.append(self)
            if answer and not answer.done():
                answer.set_result((status, body))


class Generator:
    """Asks for decisions on payments of a made-up town.

    Args:
        url: of the API.
        token: bearer token.
        deadline_ms: that each request names.
    """

    def __init__(self, url: str, token: str, deadline_ms: int, seed: int) -> None:
        place = urlsplit(url)
        self._host, self._port = place.hostname or "127.0.0.1", place.port or 80
        self._head = (
            f"POST /v1/decisions?deadline_ms={deadline_ms} HTTP/1.1\r\nhost: {self._host}\r\nauthorization: Bearer {token}\r\n"
            "content-type: application/json\r\ncontent-length: "
        ).encode()
        self._town = Town(seed, customers=20_000, terminals=2_000, first_id=time.time_ns() // 1000)
        self._random = random.Random(seed)
        self._free: deque[Connection] = deque()

    async def connect(self) -> None:
        """Opens the connections; more follow when all are busy."""
        for _ in range(CONNECTIONS):
            self._free.append(await self._open())

    async def run(self, rate: int, seconds: float) -> Run:
        """Sends `rate` requests a second at random times (as independent callers do) for `seconds`."""
        run = Run(rate)
        gaps = np.random.default_rng(rate).exponential(1 / rate, int(rate * seconds))
        tasks = []
        began = time.perf_counter() + 0.05
        for due in (began + np.cumsum(gaps)).tolist():
            ahead = due - time.perf_counter()
            if ahead > 0.0005:
                await asyncio.sleep(ahead - 0.0003)
            while time.perf_counter() < due:
                await asyncio.sleep(0)
            tasks.append(asyncio.create_task(self._one(run, due)))
        await asyncio.wait(tasks, timeout=DRAIN_SECONDS_MAX)
        run.outcomes["unanswered"] += sum(not task.done() for task in tasks)
        return run

    async def _one(self, run: Run, due: float) -> None:
        body = self._town.payment(int(time.time() * 1000)).encode()
        request = self._head + str(len(body)).encode() + b"\r\n\r\n" + body
        try:
            connection = self._free.popleft() if self._free else await self._open()
            run.sent_late_ms = max(run.sent_late_ms, (time.perf_counter() - due) * 1000)
            status, answer = await connection.ask(request)
        except (ConnectionError, OSError):
            run.outcomes["failed"] += 1
            return
        run.latencies_ms.append((time.perf_counter() - due) * 1000)
        run.outcomes[outcome_of(status, answer)] += 1

    async def _open(self) -> Connection:
        connection = Connection(self._free)
        await asyncio.get_running_loop().create_connection(lambda: connection, self._host, self._port)
        return connection


def outcome_of(status: int, answer: bytes) -> str:
    """answered, degraded (by the pipeline, without an entity's answer), fallback (by the API, at its deadline), or the status."""
    if status != 200:
        return f"status {status}"
    found = msgspec.json.decode(answer)
    if "age_ms" in found:
        return "fallback"
    return "degraded" if "degraded" in found["flags"] else "answered"


def row_of(run: Run) -> str:
    """One line of the table."""
    latencies = np.array(run.latencies_ms or [np.nan])
    p50, p99, p999 = np.percentile(latencies, [50, 99, 99.9])
    outcomes = ", ".join(f"{count:,} {name}" for name, count in run.outcomes.most_common() if count)
    return f"{run.rate:>8,} {p50:>8.2f} {p99:>8.2f} {p999:>8.2f} {latencies.max():>8.1f} {run.sent_late_ms:>10.2f}   {outcomes}"


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """No garbage collection of the generator inside its figures."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def median_of(runs: list[Run]) -> str:
    """One line: medians over runs of one rate, and how far apart the runs' p99 lie."""
    each = np.array([np.percentile(run.latencies_ms or [np.nan], [50, 99, 99.9]) for run in runs])
    p50, p99, p999 = np.median(each, axis=0)
    spread = f"p99 from {each[:, 1].min():.2f} to {each[:, 1].max():.2f}"
    return f"{runs[0].rate:>8,} {p50:>8.2f} {p99:>8.2f} {p999:>8.2f}   median of {len(runs)} runs, {spread}"


async def measure(arguments: argparse.Namespace, token: str) -> None:
    """Warms the service up, then prints a line a run, and medians."""
    generator = Generator(arguments.url, token, arguments.deadline_ms, arguments.seed)
    await generator.connect()
    if arguments.warm_seconds:
        await generator.run(500, arguments.warm_seconds)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, Flink {version('apache-flink')}")
    print(f"{'rate/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'p99.9 ms':>8} {'max ms':>8} {'sent late':>10}   outcomes")
    with Echo(arguments.bootstrap) if arguments.bootstrap else contextlib.nullcontext() as echo:
        for rate in arguments.rate:
            runs = []
            for _ in range(arguments.runs):
                with without_collection():
                    runs.append(await generator.run(rate, arguments.seconds))
                beside = "; echo p50 {:.1f} p99 {:.1f} max {:.1f} ms".format(*echo.taken()) if echo else ""
                print(row_of(runs[-1]) + beside, flush=True)
            if len(runs) > 1:
                print(median_of(runs), flush=True)


def measure_own_system(arguments: list[str]) -> int:
    """Starts the embedded system on free ports, measures it from a process of its own, and stops it."""
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        settings = free_settings(pathlib.Path(folder))
        with Stack(settings, read_folder(SAMPLES / "payments"), print):
            place = ["--url", f"http://127.0.0.1:{settings.api_port}", "--token-file", str(settings.path("token"))]
            place += ["--bootstrap", settings.bootstrap]
            return subprocess.run([sys.executable, __file__, *place, *arguments], check=False).returncode


def main() -> None:
    """Reads the command line and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="of a running API; without it a system of its own is started")
    parser.add_argument("--token-file", type=pathlib.Path, default=pathlib.Path(".weir/token"))
    parser.add_argument("--bootstrap", help="host:port of its broker, for the echo; without it there is none")
    parser.add_argument("--warm-seconds", type=float, default=30.0, help="at 500/s before the first run, while the JVMs compile")
    parser.add_argument("--rate", type=int, action="append", help="requests a second; may be repeated; default 100, 500, 1,000 and 2,000")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each run")
    parser.add_argument("--runs", type=int, default=1, help="of each rate")
    parser.add_argument("--deadline-ms", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.rate = arguments.rate or [100, 500, 1_000, 2_000]
    if arguments.url is None:
        sys.exit(measure_own_system(sys.argv[1:]))
    if not arguments.token_file.exists():
        sys.exit(f"no token in {arguments.token_file}: is the system up? (`weir up`)")
    uvloop.run(measure(arguments, arguments.token_file.read_text().strip()))


if __name__ == "__main__":
    main()
