"""A solo system as `weir serve` runs it, with the payments sample and all side jobs: synchronous decisions at a rate, and accepted events.

Latencies are those of an open loop, and the generator shares the machine. CPU is that of all processes of the system, without the
generator. The yardsticks are taken in the same run: a FastAPI route that answers a constant, at the same rate, and inserts into SQLite
that are on the disk as soon. A bar on latency is stretched by how much slower the constant route's p99 is than 3 ms.

    python tests/benchmarks/solo.py --rate 2000 --seconds 20
"""

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

import numpy as np
import uvloop
from decision_latency import Generator
from open_loop import HEADINGS, OpenLoop, Run, row_of, without_collection

from api.auth.token import token_file
from deploy.command import SAMPLES
from deploy.demo.payments import Town
from deploy.local.solo_stack import SoloStack
from deploy.machine.answers import answers
from deploy.machine.ports import free_ports
from foundation.settings import Settings, read_settings

RATE = 2_000
LATENCY_BAR_MS, CPU_BAR_MS, ACCEPTED_BAR, START_BAR_SECONDS, MEMORY_BAR_MB, IDLE_BAR = 5.0, 0.5, 20_000, 3.0, 500, 0.02
ECHO_MS = 3.0
"""What the p99 of the constant route is on a machine to which the bar on latency applies as it stands."""
EVENTS_AT_ONCE, CALLERS = 500, 4
COMMIT_SECONDS = 0.02
SETTLE_SECONDS, SETTLED_SHARE, SETTLE_STEPS_MAX = 4.0, 0.1, 15
_TICKS = os.sysconf("SC_CLK_TCK")


class Cpu:
    """Reads the CPU seconds and the memory of processes and of their children."""

    def __init__(self, processes: Sequence[int]) -> None:
        self._processes = processes

    def seconds(self) -> float:
        """CPU seconds since the start of the processes, children that have ended included."""
        return sum(sum(map(int, self._stat(process)[11:15])) for process in self._all()) / _TICKS

    def memory_mb(self) -> float:
        """Resident memory that belongs to them alone, and their share of what is shared."""
        total = 0
        for process in self._all():
            with contextlib.suppress(OSError):
                lines = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1024

    def _all(self) -> list[int]:
        found = list(self._processes)
        for process in found:
            with contextlib.suppress(OSError):
                for task in pathlib.Path(f"/proc/{process}/task").iterdir():
                    found += map(int, (task / "children").read_text().split())
        return found

    @staticmethod
    def _stat(process: int) -> list[str]:
        try:
            return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ["0"] * 15


class EventBatches(OpenLoop):
    """Sends events in batches, each answered with 202 once all of it is in the log."""

    def __init__(self, url: str, token: str, events: int = EVENTS_AT_ONCE) -> None:
        super().__init__(url)
        self._events = events
        self._town = Town(2, customers=20_000, terminals=2_000, first_id=time.time_ns() // 1000)
        self._head = f"POST /v1/events HTTP/1.1\r\nhost: {self.host}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"

    def request(self) -> bytes:
        now_ms = int(time.time() * 1000)
        body = b"[" + b",".join([self._town.payment(now_ms).encode() for _ in range(self._events)]) + b"]"
        return f"{self._head}content-length: {len(body)}\r\n\r\n".encode() + body

    def outcome_of(self, status: int, answer: bytes) -> str:
        return "accepted" if status == 202 else f"status {status}: {answer[:120]!r}"

    async def send(self, requests: Sequence[bytes], callers: int = CALLERS) -> dict[str, int]:
        """Sends `requests`, `callers` of them at a time; gives how many had each outcome."""
        await self.connect()
        outcomes: dict[str, int] = {}
        left = iter(requests)

        async def call() -> None:
            for request in left:
                connection = await self._next()
                status, answer = await connection.ask(request)
                outcome = self.outcome_of(status, answer)
                if status == 429:
                    await asyncio.sleep(0.05)
                outcomes[outcome] = outcomes.get(outcome, 0) + 1

        await asyncio.gather(*(call() for _ in range(callers)))
        return outcomes


def sqlite_inserts(folder: pathlib.Path, seconds: float = 2.0) -> tuple[float, float]:
    """Inserts of payments into SQLite, committed every `COMMIT_SECONDS` as the log is: inserts a second, and CPU us an insert."""
    town = Town(3)
    bodies = [town.payment(1_750_000_000_000 + at).encode() for at in range(10_000)]
    connection = sqlite3.connect(folder / "yardstick.db", isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    connection.execute("create table events (ordinal integer primary key, at_ms integer, value blob)")
    began, cpu, count, committed = time.perf_counter(), time.process_time(), 0, 0.0
    connection.execute("begin")
    while (now := time.perf_counter()) - began < seconds:
        if now - committed > COMMIT_SECONDS:
            connection.execute("commit")
            connection.execute("begin")
            committed = now
        connection.execute("insert into events (at_ms, value) values (?, ?)", (count, bodies[count % len(bodies)]))
        count += 1
    connection.execute("commit")
    connection.close()
    return count / (time.perf_counter() - began), (time.process_time() - cpu) / count * 1e6


@contextlib.contextmanager
def constant_route() -> Iterator[tuple[str, Cpu]]:
    """The address of the yardstick over HTTP, and its CPU."""
    [port] = free_ports(1)
    process = subprocess.Popen([sys.executable, str(pathlib.Path(__file__).with_name("constant_route.py")), str(port)])
    try:
        while not answers(f"127.0.0.1:{port}", "/health"):
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", Cpu([process.pid])
    finally:
        process.terminate()
        process.wait()


async def at_rate(generator: OpenLoop, cpu: Cpu, rate: int, seconds: float) -> tuple[Run, float]:
    """One run, and the CPU ms of each request."""
    await generator.connect()
    await generator.run(rate, min(2.0, seconds))  # connections and caches are warm then
    with without_collection():
        before = cpu.seconds()
        run = await generator.run(rate, seconds)
        spent = cpu.seconds() - before
    return run, spent / max(1, len(run.latencies_ms)) * 1000


def percentile(run: Run, at: float) -> float:
    return float(np.percentile(run.latencies_ms or [np.nan], at))


def say(name: str, run: Run, cpu_ms: float) -> None:
    print(f"{row_of(run)}   CPU {cpu_ms:.3f} ms   {name}", flush=True)


def let_settle(cpu: Cpu) -> None:
    """Waits until the processes take little for some seconds: a start leaves side jobs to load, which takes long on a busy machine."""
    for _ in range(SETTLE_STEPS_MAX):
        before = cpu.seconds()
        time.sleep(SETTLE_SECONDS)
        if cpu.seconds() - before < SETTLED_SHARE * SETTLE_SECONDS:
            return


def first_decision(url: str, token: str) -> None:
    """Returns once an event was decided."""
    generator = Generator(url, token, 10_000, 4)

    async def ask() -> None:
        await generator.connect()
        run = await generator.run(50, 0.1)
        if not run.outcomes["answered"] + run.outcomes["degraded"]:
            raise AssertionError(f"no decision: {dict(run.outcomes)}")

    uvloop.run(ask())


def measure(arguments: argparse.Namespace, folder: pathlib.Path) -> dict[str, object]:
    """Runs all parts one after the other, prints a line each, and gives the figures."""
    [port] = free_ports(1)
    settings = Settings(runtime="solo", folder=str(folder / "system"), api_port=port, log_fsync=read_settings().log_fsync)
    inserts, insert_us = sqlite_inserts(folder)
    print(HEADINGS)
    echoes = []
    began = time.monotonic()
    with SoloStack(settings, SAMPLES / "payments") as stack:
        url, token = f"http://{settings.api_address()}", token_file(settings).read_text().strip()
        first_decision(url, token)
        start_seconds = time.monotonic() - began
        cpu = Cpu([stack.pid])
        own = Cpu([stack.process("api").pid])
        if arguments.idle_seconds >= 1.0:
            let_settle(cpu)
        before, memory_mb = cpu.seconds(), cpu.memory_mb()
        time.sleep(arguments.idle_seconds)
        idle = (cpu.seconds() - before) / max(0.001, arguments.idle_seconds)
        runs = []
        for number in range(arguments.runs):
            with constant_route() as (echo_url, echo_cpu):
                echo, echo_ms = uvloop.run(
                    at_rate(Generator(echo_url, token, 2_000, 10 + number), echo_cpu, arguments.rate, arguments.seconds / 2)
                )
            say("constant route", echo, echo_ms)
            run, cpu_ms = uvloop.run(at_rate(Generator(url, token, 2_000, 20 + number), cpu, arguments.rate, arguments.seconds))
            say("decisions", run, cpu_ms)
            runs.append((run, cpu_ms, echo, echo_ms))
            echoes.append(percentile(echo, 99))
        batches = EventBatches(url, token)
        requests = [batches.request() for _ in range(arguments.batches)]
        before, all_before, at = own.seconds(), cpu.seconds(), time.perf_counter()
        outcomes = uvloop.run(batches.send(requests))
        accepted_seconds, accepted_cpu, accepted_all = time.perf_counter() - at, own.seconds() - before, cpu.seconds() - all_before
    accepted = outcomes.get("accepted", 0) * EVENTS_AT_ONCE
    factor = max(1.0, float(np.median(echoes)) / ECHO_MS)
    p999 = float(np.median([percentile(run, 99.9) for run, *_ in runs]))
    cpu_ms = float(np.median([cpu_ms for _, cpu_ms, *_ in runs]))
    return {
        "what": f"weir serve, payments sample, {arguments.rate} synchronous decisions a second, and events accepted in batches of 500",
        "p50_ms": round(float(np.median([percentile(run, 50) for run, *_ in runs])), 2),
        "p99_ms": round(float(np.median([percentile(run, 99) for run, *_ in runs])), 2),
        "p999_ms": round(p999, 2),
        "outcomes": dict(sum((run.outcomes for run, *_ in runs), runs[0][0].outcomes.__class__())),
        "cpu_ms_a_decision": round(cpu_ms, 3),
        "accepted_a_second": round(accepted / accepted_seconds),
        "accepted_a_core": round(accepted / max(0.01, accepted_cpu)),
        "accepted_cpu_us": {"api": round(accepted_cpu / max(1, accepted) * 1e6, 1), "all": round(accepted_all / max(1, accepted) * 1e6, 1)},
        "accepted_outcomes": outcomes,
        "start_seconds": round(start_seconds, 2),
        "memory_mb": round(memory_mb),
        "idle_of_a_core": round(idle, 4),
        "yardsticks": {
            "constant_p99_ms": round(float(np.median(echoes)), 2),
            "constant_p999_ms": round(float(np.median([percentile(echo, 99.9) for *_, echo, _ in runs])), 2),
            "constant_cpu_ms": round(float(np.median([echo_ms for *_, echo_ms in runs])), 3),
            "sqlite_inserts_a_second": round(inserts),
            "sqlite_insert_cpu_us": round(insert_us, 1),
        },
        "factor": round(factor, 2),
        "met": {
            "p999": p999 <= LATENCY_BAR_MS * factor,
            "cpu": cpu_ms <= CPU_BAR_MS,
            "accepted": accepted / max(0.01, accepted_cpu) >= ACCEPTED_BAR,
            "start": start_seconds <= START_BAR_SECONDS,
            "memory": memory_mb <= MEMORY_BAR_MB,
            "idle": idle <= IDLE_BAR,
        },
    }


def main(given: Sequence[str] | None = None) -> dict[str, object]:
    """Reads the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=RATE, help="decisions a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--batches", type=int, default=200, help=f"of {EVENTS_AT_ONCE} events that are accepted")
    parser.add_argument("--idle-seconds", type=float, default=6.0)
    arguments = parser.parse_args(given)
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        figures = measure(arguments, pathlib.Path(folder))
    json.dump(figures, sys.stdout, indent=1)
    return figures


if __name__ == "__main__":
    main()
