"""The application with everything real but the log: the stores are SQLite files."""

import asyncio
import base64
import functools
import pathlib
import tempfile
from collections.abc import Callable, Iterable, Sequence

import httpx
import msgspec
from databases_of_a_test import FickleDatabase, database_in
from entry_topic_in_memory import MemoryEntryTopic, StoredEntries

from alerts.webhooks.addresses import networks
from api.app import make_app
from api.asgi_entry import AsgiEntry
from api.auth.access import Access
from api.auth.token import install_owner
from api.decisions.waiting import Waiting
from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.facts.told_facts import ToldFacts
from api.http.health import Health
from api.kafka.log import LogUnavailableError
from api.lists.entries import Entries
from api.models.drifting import Drifting
from api.owned_stores import owned_stores_of
from api.parts import Parts
from api.stream.stream import PositionedRecord, Stream
from api.trials.change import CompileChange, compile_here
from api.webhooks.webhook_routes import Vetting
from foundation.settings import Settings
from pipeline.comparison.newest_drift import DriftMeasure
from pipeline.comparison.unchanged import Unchanged
from pipeline.engine.definitions.release import compile_release
from pipeline.sinks.deliver_job import IndexedDecision, order_of
from stores.decisions import StoredDecision, TopicPlace
from stores.metrics.duckdb_metrics import DuckDbMetrics
from stores.relational.audit import RelationalAudit
from stores.relational.definitions import RelationalRegistry
from stores.relational.place import FILE
from stores.relational.sessions import RelationalSessions
from stores.relational.tokens import RelationalTokens
from stores.sqlite.sqlite_decisions import SqliteDecisions

TOKEN = "a-token-for-the-tests"
NOW_MS = 1_700_000_000_000
IN_FLIGHT_MAX = 3

TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nmin_time: 1970-01-01\nuser: customer\nentities: [terminal]\n"
    "facts: {customer: {vip: boolean}, terminal: {verdict: {values: [good, fraud]}}}\n"
    "fields:\n  amount: {type: decimal, retain: true}\n",
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}\n",
    "policy": "score: first_ready(own)\nbands: [{below: 0.9, action: approve}, {action: block}]\n"
    "fallback: {action: approve, when_score_older_than: {1d: review}}\n",
}

Record = tuple[str, str, bytes | None, Sequence[tuple[str, bytes]]]


class FakeLog:
    """Keeps what it is given; `respond` may answer a record that wants a reply, with (name, reply)."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.down = False
        self.respond: Callable[[str, bytes], None] | None = None

    def produce(self, topic: str, key: str, value: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        if self.down:
            raise LogUnavailableError("the test's log is down")
        self.records.append((topic, key, value, headers))
        if self.respond and headers:
            self.respond(headers[0][1].decode(), value)

    async def deliver(self, topic: str, key: str, value: bytes | None) -> None:
        await asyncio.sleep(0)
        self.produce(topic, key, value)

    async def deliver_all(self, topic: str, records: Iterable[tuple[str, bytes | None]]) -> int:
        for key, value in records:
            self.produce(topic, key, value)
        return len(self.records)

    def of(self, topic: str) -> list[tuple[str, bytes | None]]:
        """Key and value of the records of one topic."""
        return [(record[1], record[2]) for record in self.records if record[0] == "weir." + topic]


class FakeSource:
    """Decisions of one partition that a test hands to the stream; `before` are those from before the first watcher."""

    def __init__(self) -> None:
        self.before: list[PositionedRecord] = []
        self.is_open = False
        self.loop: asyncio.AbstractEventLoop | None = None

    async def open(self, stream: Stream) -> None:
        self.is_open = True
        self.loop = asyncio.get_running_loop()
        stream.begin({0: self.before[0][0][1] if self.before else 0})
        stream.take(self.before)

    async def close(self) -> None:
        self.is_open = False


DECISIONS = "decisions.db"


@functools.cache
def stores_at_the_beginning() -> dict[str, bytes]:
    """Files with the owner's token, and without a decision: to make them takes a fifth of the time of an application."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        database = database_in(folder)
        install_owner(RelationalTokens(database), TOKEN, NOW_MS)
        database.close()
        SqliteDecisions(folder / DECISIONS).close()
        return {file.name: file.read_bytes() for file in folder.iterdir()}


def begin_stores(folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in stores_at_the_beginning().items():
        (folder / name).write_bytes(content)


class Api:
    """One application and what is behind it.

    Args:
        folder: of its stores.
        compile_change: tries what is uploaded.
        database: the relational store; None makes one in the folder.
    """

    def __init__(self, folder: pathlib.Path, compile_change: CompileChange = compile_here, database: FickleDatabase | None = None) -> None:
        self.log = FakeLog()
        self.now_ms = NOW_MS
        self.settings = Settings(deadline_ms=50, folder=str(folder))
        self.in_force = InForce()
        self.health = Health()
        is_new = database is None and not (folder / FILE).exists() and not (folder / DECISIONS).exists()
        if is_new:
            begin_stores(folder)
        self.decisions = SqliteDecisions(folder / DECISIONS)
        self.kept = 0
        self.database = database or FickleDatabase(folder)
        self.registry = RelationalRegistry(self.database)
        self.metrics = DuckDbMetrics(folder / "metrics.duckdb", 10)
        self.waiting = Waiting("api-1", 1, IN_FLIGHT_MAX)
        self.source = FakeSource()
        self.stream = Stream(self.source)
        self.definitions = Definitions(
            self.registry, self.in_force, self.health, self.log, "weir.control", self.clock, compile_change=compile_change
        )
        self.in_force.install(compile_release(1, TEXTS), TEXTS)
        self.entries_stored = StoredEntries()
        self.event_time_ms = 0
        self.entries = Entries(MemoryEntryTopic(self.entries_stored), lambda: self.event_time_ms)
        self.entries_stored.follow(self.entries)
        self.entries.open()
        self.facts = ToldFacts()
        self.access = Access(RelationalTokens(self.database), RelationalAudit(self.database), RelationalSessions(self.database))
        vetting = Vetting(networks("10.9.0.0/16", "networks"), False, self.resolve)
        self.addresses = {"hooks.example.com": ["93.184.216.34"], "inside.example.com": ["10.1.2.3"], "allowed.example.com": ["10.9.1.2"]}
        self.stores = owned_stores_of(self.database, vetting)
        self.jobs, self.effects, self.webhooks = self.stores.jobs, self.stores.effects, self.stores.webhooks
        self.alerts, self.holds, self.cases = self.stores.alerts, self.stores.holds, self.stores.cases
        self.verdicts, self.inboxes = self.cases.verdicts, self.cases.inboxes
        if not is_new:
            install_owner(self.access.tokens, TOKEN, NOW_MS)
        parts = Parts(
            settings=self.settings,
            access=self.access,
            in_force=self.in_force,
            definitions=self.definitions,
            decisions=self.decisions,
            quick_decisions=self.decisions,
            log=self.log,
            quick_log=self.log,
            waiting=self.waiting,
            health=self.health,
            clock=self.clock,
            stream=self.stream,
            entries=self.entries,
            facts=self.facts,
            stores=self.stores,
            drifting=Drifting(DriftMeasure(self.effects, Unchanged(self.registry)), self.in_force),
            metrics=self.metrics,
        )
        self.app: AsgiEntry = make_app(parts)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://api", headers={"authorization": f"Bearer {TOKEN}"}
        )

    async def close(self) -> None:
        """Ends the threads of the application, and closes its stores."""
        await self.client.aclose()
        await self.app.close()
        for store in (self.decisions, self.database, self.metrics):
            store.close()

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of the names that a test knows."""
        if host not in self.addresses:
            raise OSError("Name or service not known")
        return self.addresses[host]

    def clock(self) -> float:
        return self.now_ms / 1000

    def answer_all(self, action: str = "approve", score: float = 0.25) -> None:
        """Lets the pipeline answer each event at once."""

        def respond(name: str, value: bytes) -> None:
            asyncio.get_running_loop().call_soon(self.waiting.answer, [(name, reply(value, action, score))])

        self.log.respond = respond

    def keep(
        self, event_id: str, action: str = "approve", score: float | None = 0.25, at_ms: int = NOW_MS - 1000, user: str = "c1"
    ) -> None:
        """Writes a decision into the store, as the deliver job does."""
        value = msgspec.json.encode({"event_id": event_id, "score": score, "action": action})
        order = event_id.encode()
        keys = (("customer", user), ("terminal", "t/1"))
        self.decisions.write([StoredDecision(event_id, 0, at_ms, order, keys, score, action, 1, value, False, TopicPlace(2, self.kept))])
        self.kept += 1

    def deliver(self, values: Iterable[bytes]) -> None:
        """Stores records of the topic ``decisions`` as the deliver job does; event ids are integers."""
        for value in values:
            found = msgspec.json.decode(value, type=IndexedDecision)
            keys = (("customer", found.user), *found.entities.items())
            order = order_of(found.event_id, True)
            stored = StoredDecision(found.event_id, 0, found.event_time, order, keys, found.score, found.action, found.release, value)
            self.decisions.write([stored])


async def until(condition: Callable[[], object]) -> None:
    """Returns once `condition()` holds, however slow the machine is."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


def reply(value: bytes, action: str = "approve", score: float = 0.25) -> bytes:
    """The pipeline's reply to an event."""
    id = str(msgspec.json.decode(value)["id"])
    return msgspec.json.encode(
        {"event_id": id, "revision": 0, "score": score, "action": action, "reasons": ["why"], "flags": [], "release": 1}
    )


def event(id: int = 1, customer: str = "c1", **more: object) -> dict[str, object]:
    """A good event."""
    return {"id": id, "at": NOW_MS, "customer": customer, "terminal": "t1", "amount": 12.5} | more


def encoded_cursor(text: str) -> str:
    """A cursor with `text` inside that no store gave out."""
    return base64.urlsafe_b64encode(text.encode()).decode()
