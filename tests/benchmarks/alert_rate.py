"""Alerts: from a decision to a webhook, alerts accepted a second, and signed deliveries a second, by the alerts job in its process.

Decisions are appended to the log of a solo system as its API appends them. Receivers are ten endpoints of one server in its process, which
answer at once and keep ids. Nothing is timed that is not whole: at the end each alert has been told once to its endpoint. The yardsticks of
the same run are posts of the same size by httpx to the same server without signing or outbox, and rows of that size that SQLite takes.

    python tests/benchmarks/alert_rate.py [--seconds 60] [--alerts-per-second 1000]
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import httpx
import msgspec

from alerts.webhooks.signing import new_private_key
from foundation.content_hash import content_hash
from foundation.settings import Settings
from pipeline.control.known_releases import DEFINITION, ReleaseRecord, release_key
from pipeline.log.frame import Entry
from pipeline.log.log_folder import INPUT, LOGS, OUTPUT, close_writers, writer_of
from stores.casework.webhooks import StoredWebhook, WebhookWish
from stores.relational.casework.alerts import RelationalAlerts
from stores.relational.casework.deliveries import RelationalDeliveries
from stores.relational.casework.webhooks import RelationalWebhooks
from stores.relational.database import Database
from stores.relational.place import place_of

ENDPOINTS = 10
EVENTS_PER_SECOND, FLAGGED_SHARE = 500, 10
P99_BAR_MS, ACCEPTED_BAR, DELIVERED_BAR = 1_000, 1_000, 500
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: customer\nentities: [device]\n"
    "fields:\n  amount: {type: decimal, retain: true}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{action: approve}]\nfallback: {action: approve}\n",
    "alerts": "- {name: blocked, when: {actions: [block]}, group_by: [customer], resolve_after: 1h, limit: {alerts: 1000000, per: 1h}}\n",
}
_HEAD = re.compile(rb"content-length: (\d+)\r\n", re.IGNORECASE)
_ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"


class _Receiver(asyncio.Protocol):
    """Answers each request at once, and notes when each id came first and with which alert."""

    def __init__(self, came: dict[bytes, float], bodies: dict[bytes, bytes], posts: list[int]) -> None:
        self._came, self._bodies, self._posts, self._buffer = came, bodies, posts, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            found = _HEAD.search(self._buffer, 0, end + 2)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._buffer) < whole:
                return
            self._note(self._buffer[:end], self._buffer[end + 4 : whole])
            self._buffer = self._buffer[whole:]
            self._transport.write(_ANSWER)  # type: ignore[attr-defined]

    def _note(self, head: bytes, body: bytes) -> None:
        self._posts[0] += 1
        _, _, rest = head.partition(b"webhook-id: ")
        id = rest.partition(b"\r\n")[0]
        if id and id not in self._came:
            self._came[id] = time.time()
            self._bodies[id] = body


def _receive(pipe: Connection) -> None:
    """The process of the receivers: says its port, then how many came whenever it is asked, and at the end all that came."""
    came: dict[bytes, float] = {}
    bodies: dict[bytes, bytes] = {}
    posts = [0]

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Receiver(came, bodies, posts), "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        while (asked := await asyncio.to_thread(pipe.recv)) != "end":
            pipe.send(len(came) if asked == "count" else [(id, at, bodies[id]) for id, at in came.items()])
            if asked == "take":
                came.clear()
                bodies.clear()

    asyncio.run(serve())


@contextlib.contextmanager
def receivers() -> Iterator[tuple[Connection, int]]:
    """Gives the pipe to the receivers' process, and their port."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_receive, args=(there,))
    process.start()
    yield here, here.recv()
    here.send("end")
    process.join()


class Run:
    """A system in a folder, whose alerts job runs in a process of its own."""

    def __init__(self, folder: pathlib.Path, port: int) -> None:
        folder.mkdir()
        self.settings = Settings(runtime="solo", folder=str(folder))
        self.database = Database(place_of(self.settings))
        self.alerts, self.deliveries = RelationalAlerts(self.database), RelationalDeliveries(self.database)
        parts = {part: content_hash(text) for part, text in TEXTS.items()}
        entries = [Entry("control", (DEFINITION + parts[part]).encode(), text.encode()) for part, text in TEXTS.items()]
        entries.append(Entry("control", release_key(1).encode(), msgspec.json.encode(ReleaseRecord(1, parts, 1))))
        writer_of(self.settings.path(*LOGS), INPUT).append(entries)
        for number in range(ENDPOINTS):
            wish = WebhookWish(url=f"http://127.0.0.1:{port}/{number}", filter=f'entity.customer.endsWith("{number}")')
            made = StoredWebhook(
                id=f"w{number}", wish=wish, keys=(new_private_key(),), version=1, by="bench", made_at_ms=number, changed_at_ms=0
            )
            RelationalWebhooks(self.database).add(made)
        environment = os.environ | {"WEIR_RUNTIME": "solo", "WEIR_FOLDER": str(folder), "WEIR_WEBHOOK_PLAIN": "accept"}
        environment |= {"WEIR_WEBHOOK_NETWORKS": "127.0.0.0/8", "PYTHONPATH": os.getcwd()}
        self.log = (folder / "alerts.log").open("wb")
        self.process = subprocess.Popen([sys.executable, "-m", "pipeline.alerting.alerts_job"], env=environment, stderr=self.log)

    def decide(self, first: int, count: int, is_flagged: bool = True) -> None:
        now_ms = time.time_ns() // 1_000_000
        own = {"revision": 0, "event_time": now_ms, "processed_at": now_ms, "score": 0.9, "entities": {"device": "d1"}, "matches": []}
        own |= {
            "action": "block" if is_flagged else "approve",
            "reasons": ["much more than usual", "a new device"],
            "event": {"amount": 5.0},
        }
        entries = []
        for number in range(first, first + count):
            value = msgspec.json.encode(own | {"event_id": str(number), "user": f"c{number}"})
            entries.append(Entry("decisions", f"c{number}".encode(), value))
        writer_of(self.settings.path(*LOGS), OUTPUT).append(entries)

    def cpu_seconds(self) -> float:
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        self.log.close()
        self.database.close()
        close_writers(self.settings.path(*LOGS))


def warm_up(run: Run, pipe: Connection) -> None:
    """Waits until the process delivers, whose start is not measured here."""
    run.decide(20_000_000, ENDPOINTS)
    _until(lambda: _count(pipe) >= ENDPOINTS)
    pipe.send("take")
    pipe.recv()


def latency(run: Run, pipe: Connection, seconds: int) -> dict[str, object]:
    """From a decision on the log to the receiver, at `EVENTS_PER_SECOND`, of which one in `FLAGGED_SHARE` opens an alert."""
    made: dict[str, float] = {}
    began, number = time.monotonic(), 0
    while number < seconds * EVENTS_PER_SECOND:
        for _ in range(10):
            is_flagged = number % FLAGGED_SHARE == 0
            if is_flagged:
                made[f"c{number}"] = time.time()
            run.decide(number, 1, is_flagged)
            number += 1
        time.sleep(max(0.0, began + number / EVENTS_PER_SECOND - time.monotonic()))
    _until(lambda: _count(pipe) >= len(made))
    pipe.send("take")
    waits = sorted((at - made[json.loads(body)["data"]["group"]["customer"]]) * 1_000 for _, at, body in pipe.recv())
    if len(waits) != len(made):
        raise AssertionError("not each alert was told once")
    picked = {f"p{share}_ms": round(waits[min(len(waits) - 1, len(waits) * share // 100)]) for share in (50, 99)}
    return {"events_per_second": EVENTS_PER_SECOND, "alerts": len(made), **picked, "max_ms": round(waits[-1]), "bar_p99_ms": P99_BAR_MS}


def flood(run: Run, pipe: Connection, seconds: int, rate: int) -> dict[str, object]:
    """`rate` alerts a second for `seconds`, each told to one of the endpoints, until all are told."""
    first, number, began = 10_000_000, 0, time.monotonic()
    before_cpu, told_at_end = run.cpu_seconds(), 0
    while number < seconds * rate:
        run.decide(first + number, rate // 50)
        number += rate // 50
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
    sent_s = time.monotonic() - began
    told_at_end = _count(pipe)
    end = writer_of(run.settings.path(*LOGS), OUTPUT).end
    _until(lambda: run.alerts.positions().get("weir.decisions/0", 0) >= end)
    accepted_s = time.monotonic() - began
    _until(lambda: _count(pipe) >= number)
    drained_s = time.monotonic() - began
    _until(lambda: not run.deliveries.pending())
    pipe.send("take")
    groups = {json.loads(body)["data"]["group"]["customer"] for _, _, body in pipe.recv()}
    if groups != {f"c{each}" for each in range(first, first + number)}:
        raise AssertionError("not each alert was told once")
    return {
        "alerts": number,
        "sent_s": round(sent_s, 1),
        "accepted_per_second": round(number / accepted_s),
        "bar_accepted": ACCEPTED_BAR,
        "delivered_per_second": round(number / drained_s),
        "told_when_the_last_was_sent": told_at_end,
        "drained_s": round(drained_s, 1),
        "bar_delivered": DELIVERED_BAR,
        "cpu_us_per_alert": round((run.cpu_seconds() - before_cpu) / number * 1e6),
        "cpu_share_meanwhile": round((run.cpu_seconds() - before_cpu) / drained_s, 2),
    }


def posts_per_second(port: int, count: int = 3_000) -> float:
    """The yardstick: posts of 1 KB by httpx to the same server, fifty side by side, without signing or outbox."""

    async def run() -> float:
        async with httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=50)) as client:
            began, body, left = time.monotonic(), b"x" * 1_000, iter(range(count))

            async def post() -> None:
                for _ in left:
                    await client.post(f"http://127.0.0.1:{port}/yardstick", content=body)

            await asyncio.gather(*(post() for _ in range(50)))
            return count / (time.monotonic() - began)

    return asyncio.run(run())


def rows_per_second(folder: pathlib.Path, count: int = 100_000) -> float:
    """The other yardstick: rows of 1 KB that SQLite takes, 1,000 a transaction, on disk after each."""
    with contextlib.closing(sqlite3.connect(folder / "yardstick.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE row (id TEXT PRIMARY KEY, whole BLOB)")
        began = time.monotonic()
        for first in range(0, count, 1_000):
            database.execute("BEGIN IMMEDIATE")
            database.executemany(
                "INSERT INTO row VALUES (?, ?)", [(f"{number:032x}", b"x" * 1_000) for number in range(first, first + 1_000)]
            )
            database.execute("COMMIT")
        return count / (time.monotonic() - began)


def _count(pipe: Connection) -> int:
    pipe.send("count")
    found: int = pipe.recv()
    return found


def _until(condition: "object", seconds: float = 900) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError("it takes too long")
        time.sleep(0.1)


def main() -> None:
    """Prints one JSON object a part."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--alerts-per-second", type=int, default=1_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, receivers() as (pipe, port):
        folder = pathlib.Path(name)
        yardsticks = {"posts_per_second": round(posts_per_second(port)), "rows_per_second": round(rows_per_second(folder))}
        print(json.dumps({"yardsticks": yardsticks}), flush=True)
        run = Run(folder / "system", port)
        try:
            warm_up(run, pipe)
            print(json.dumps({"latency": latency(run, pipe, asked.seconds // 2)}), flush=True)
            print(json.dumps({"flood": flood(run, pipe, asked.seconds, asked.alerts_per_second)}), flush=True)
        finally:
            run.close()


if __name__ == "__main__":
    main()
