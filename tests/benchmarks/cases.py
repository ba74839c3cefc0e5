"""How long the queue and a case take to read, through the whole application, beside 1M decisions, 100,000 alerts and 10,000 cases.

One case has 100,000 events, the others ten each. Each page is read over ASGI, in turn with the yardstick, a route that reads no store.
Before a figure is given, the queue is compared with what a sort says, and the timeline of the large case with all its rows. Decisions are
in SQLite, wherever cases are. A case page asks what the page of the console asks, one after the other, where the console asks at once.

python tests/benchmarks/cases.py [sqlite|postgresql] ...
"""
# ruff: noqa: E402 - what tests use is found once the path knows their folders

import asyncio
import contextlib
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator

TESTS = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "tools"), str(TESTS / "api")]

import httpx
import psycopg
from api_imitation import NOW_MS, TEXTS, Api
from cases_of_a_test import ALERTS_YAML, CASES_YAML
from many_cases import ALERTS, CASES, LARGE, Named, decide, fill, id_of, priority

from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.postgresql import URL_FILE, start_postgresql
from pipeline.engine.definitions.release import compile_release
from stores.relational.database import Database
from stores.relational.place import DatabasePlace, PostgresqlPlace, SqlitePlace

DECISIONS, ROUNDS = 1_000_000, 60
QUEUE_BAR_MS, CASE_BAR_MS = 50.0, 100.0


async def read_all(client: httpx.AsyncClient, path: str, part: str, **asked: str) -> list[dict[str, object]]:
    """All pages of a route."""
    found: list[dict[str, object]] = []
    cursor: str | None = None
    while True:
        page = (await client.get(path, params={"limit": 500} | asked | ({"cursor": cursor} if cursor else {}))).json()
        found += page[part]
        cursor = page["next"]
        if cursor is None:
            return found


async def check(api: Api) -> None:
    """Compares what the routes say with what was written.

    Raises:
        AssertionError: they differ.
    """
    queue = await read_all(api.client, "/v1/cases", "cases", state="open")
    wanted = sorted(range(1, CASES, 2), key=lambda number: (-priority(number), number))
    assert [one["id"] for one in queue] == [id_of(number) for number in wanted], "the queue is in another order"
    timeline = await read_all(api.client, f"/v1/cases/{id_of(1)}/timeline", "entries")
    assert len(timeline) == LARGE + 10, "the timeline has gaps"


async def timed(call: Callable[[], Awaitable[httpx.Response]]) -> tuple[float, float]:
    """How long one answer takes, and how much of this process's CPU, in ms."""
    began, spent = time.perf_counter(), time.process_time()
    answer = await call()
    took_ms, spent_ms = (time.perf_counter() - began) * 1_000, (time.process_time() - spent) * 1_000
    assert answer.status_code == 200, answer.text
    return took_ms, spent_ms


async def measure(api: Api) -> bool:
    """Prints how long each page takes; whether all are within their bars."""
    large, small = f"/v1/cases/{id_of(1)}", f"/v1/cases/{id_of(3)}"
    get = api.client.get

    async def page_of_a_case(path: str) -> httpx.Response:
        """All that a case page asks for, one after the other."""
        whole = (await get(path)).json()
        event = (await get(path + "/events", params={"limit": 200})).json()["events"][-1]
        entity = f"/v1/entities/{whole['entity']['kind']}/{whole['entity']['id']}"
        decision = await get(f"/v1/decisions/{event['event_id']}", params={"user": event["user"]})
        assert decision.json()["event_id"] == event["event_id"], decision.text
        for part in (path + "/timeline", path + "/links", path + "/verdicts", entity + "?limit=50"):
            answer = await get(part)
            assert answer.status_code == 200, answer.text
        return answer

    calls: dict[str, tuple[float, Callable[[], Awaitable[httpx.Response]]]] = {
        "yardstick: GET /v1/lists": (0.0, lambda: get("/v1/lists")),
        "queue, open": (QUEUE_BAR_MS, lambda: get("/v1/cases", params={"state": "open"})),
        "queue, one inbox": (QUEUE_BAR_MS, lambda: get("/v1/cases", params={"state": ["open", "claimed"], "inbox": "payments"})),
        "queue, of nobody (walks all)": (QUEUE_BAR_MS, lambda: get("/v1/cases", params={"holder": "nobody"})),
        "case page, ten events": (CASE_BAR_MS, lambda: page_of_a_case(small)),
        "case page, 100,000 events": (CASE_BAR_MS, lambda: page_of_a_case(large)),
        "flagged customers": (QUEUE_BAR_MS, lambda: get("/v1/flagged")),
        "inboxes": (QUEUE_BAR_MS, lambda: get("/v1/inboxes")),
    }
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, (_, call) in calls.items():
            took[name].append(await timed(call))
    medians: dict[str, float] = {}
    for name, (bar, _) in calls.items():
        ordered = sorted(each for each, _ in took[name])
        medians[name] = statistics.median(ordered)
        spent, limit = statistics.median(each for _, each in took[name]), f"  bar {bar:.0f} ms" if bar else ""
        figures = f"least {ordered[0]:7.2f}  median {medians[name]:7.2f}  p95 {ordered[int(0.95 * ROUNDS)]:7.2f}  CPU {spent:7.2f} ms"
        print(f"  {name:<32} {figures}{limit}")
    began = time.perf_counter()
    report = await get("/v1/cases:quality")
    print(f"  the report on quality, once: {(time.perf_counter() - began) * 1_000:.0f} ms, answered {report.status_code}")
    return all(medians[name] <= bar for name, (bar, _) in calls.items() if bar)


@contextlib.contextmanager
def place(kind: str, folder: pathlib.Path) -> Iterator[DatabasePlace]:
    """Where the database of one run is."""
    if kind == "sqlite":
        yield SqlitePlace(folder / "cases.db")
        return
    [port] = free_ports(1)
    with Processes() as processes:
        processes.add(start_postgresql(folder / "postgresql", folder / "logs", port))
        yield PostgresqlPlace((folder / "postgresql").joinpath(*URL_FILE).read_text().strip())


def tidy(where: DatabasePlace) -> None:
    """Does what PostgreSQL does by itself within its first minute: rows that it has not looked over are not found by an index alone."""
    if isinstance(where, PostgresqlPlace):
        with psycopg.connect(where.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


async def run(kind: str) -> bool:
    """Fills a database, checks, and measures; whether all pages are within their bars."""
    with tempfile.TemporaryDirectory() as name, place(kind, pathlib.Path(name)) as where:
        database = Database(where)
        api = Api(pathlib.Path(name), database=database)  # type: ignore[arg-type]  # no test makes it fickle here
        texts = TEXTS | {"alerts": ALERTS_YAML, "cases": CASES_YAML}
        api.in_force.install(compile_release(2, texts), texts)
        fill(database, NOW_MS, Named())
        decide(api.decisions, DECISIONS, NOW_MS, Named())
        tidy(where)
        await check(api)
        print(f"{kind}: {CASES:,} cases, {ALERTS:,} alerts, {ALERTS + LARGE:,} events in cases, {DECISIONS:,} decisions; {ROUNDS} rounds")
        is_good = await measure(api)
        await api.client.aclose()
        for part in (api.decisions, api.metrics, database):
            part.close()
        return is_good


if __name__ == "__main__":
    results = [asyncio.run(run(kind)) for kind in sys.argv[1:] or ("sqlite", "postgresql")]
    sys.exit(0 if all(results) else 1)
