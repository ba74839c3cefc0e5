"""An open loop of HTTP requests: each has its time in a plan that is made before the start, so that a slow answer delays no later one.

A latency counts from the planned time, not from when the request was sent, and so a stall of the generator or the service is in the
figures of all that it held up.
"""

import asyncio
import contextlib
import gc
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import numpy as np

DRAIN_SECONDS_MAX = 12.0
CONNECTIONS, CONNECTIONS_MAX = 64, 512
"""At the start; and when all are busy. A request that waits for one has its wait in its latency."""
HEADINGS = f"{'rate/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'p99.9 ms':>8} {'max ms':>8} {'sent late':>10}   outcomes"


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

    def __init__(self, free: "asyncio.Queue[Connection]") -> None:
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
        if self.transport is None:
            raise ConnectionError("the service has closed the connection")
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
            self._free.put_nowait(self)
            if answer and not answer.done():
                answer.set_result((status, body))


class OpenLoop(ABC):
    """Asks one service, over connections that are kept.

    Args:
        url: of the API.
    """

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self.host, self._port = place.hostname or "127.0.0.1", place.port or 80
        self._free: asyncio.Queue[Connection] = asyncio.Queue()
        self._opened = 0

    @abstractmethod
    def request(self) -> bytes:
        """The next request, whole."""

    @abstractmethod
    def outcome_of(self, status: int, answer: bytes) -> str:
        """What an answer is counted as."""

    async def connect(self) -> None:
        """Opens the connections; more follow when all are busy."""
        for _ in range(CONNECTIONS):
            self._free.put_nowait(await self._open())

    async def run(self, rate: int, seconds: float) -> Run:
        """Sends `rate` requests a second at random times (as independent callers do) for `seconds`.

        Each is late by up to a millisecond, to which timers round, and has that in its latency: to spin until its time took a sixth of
        a core from the service at 500 a second, and a whole one at 5,000.
        """
        run = Run(rate)
        gaps = np.random.default_rng(rate).exponential(1 / rate, int(rate * seconds))
        open_tasks: set[asyncio.Task[None]] = set()
        began = time.perf_counter() + 0.05
        for due in (began + np.cumsum(gaps)).tolist():
            ahead = due - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(ahead)
            task = asyncio.create_task(self._one(run, due))
            open_tasks.add(task)
            task.add_done_callback(open_tasks.discard)
        await asyncio.sleep(0)  # the last one has begun
        _, late = await asyncio.wait(open_tasks, timeout=DRAIN_SECONDS_MAX) if open_tasks else (set(), set())
        run.outcomes["unanswered"] += len(late)
        for task in late:
            task.cancel()
        return run

    async def _one(self, run: Run, due: float) -> None:
        request = self.request()
        try:
            connection = await self._next()
            run.sent_late_ms = max(run.sent_late_ms, (time.perf_counter() - due) * 1000)
            status, answer = await connection.ask(request)
        except (ConnectionError, OSError):
            self._opened -= 1  # it does not come back
            run.outcomes["failed"] += 1
            return
        run.latencies_ms.append((time.perf_counter() - due) * 1000)
        run.outcomes[self.outcome_of(status, answer)] += 1

    async def _next(self) -> Connection:
        return await (self._open() if self._free.empty() and self._opened < CONNECTIONS_MAX else self._free.get())

    async def _open(self) -> Connection:
        self._opened += 1
        connection = Connection(self._free)
        await asyncio.get_running_loop().create_connection(lambda: connection, self.host, self._port)
        return connection


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
