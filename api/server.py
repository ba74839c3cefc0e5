"""``python -m api.server``: one process of the API, with the settings of the environment."""

import asyncio
import contextlib
import functools
import logging
import sys
import time
from collections.abc import AsyncIterator, Sequence

import httpx
import uvicorn
from fastapi import FastAPI

from api.app import make_app
from api.asgi_entry import Front
from api.auth.access import note_found, open_access
from api.auth.token import find_token
from api.decisions.deciders import Deciders
from api.decisions.newest_decisions import NewestDecisions
from api.decisions.waiting import Waiting
from api.definitions.approval import Approval
from api.definitions.falling_back import FallingBack, RaisedLetters
from api.definitions.in_force import InForce
from api.definitions.lists_part import ListsPart
from api.definitions.publisher import Definitions
from api.definitions.trials import Trials
from api.http.health import Condition
from api.http.metrics import Counts
from api.http.retry import settled
from api.kafka.following import Following, Record
from api.kafka.log import KafkaLog, LogUnavailableError
from api.operations.checks import Check, Checks, ScoreJob
from api.operations.earlier_files import require_carried_over
from api.operations.metrics_part import MetricsPart
from api.operations.store_checks import StoreChecks
from api.protocol import PatientProtocol
from api.stream.stream import Stream
from api.stream.stream_source import TopicSource
from foundation.refusal import Refusal
from foundation.settings import Settings, read_settings
from pipeline.control.kafka_access import connection_of
from pipeline.flink.flink_rest import rest_of
from pipeline.flink.garbage import settle_garbage
from pipeline.sinks.decision_store import open_decisions_reader
from stores.decisions import StoreUnavailableError
from stores.relational.database import Database
from stores.relational.definitions import RelationalRegistry
from stores.relational.place import SqlitePlace, place_of

log = logging.getLogger(__name__)

IN_FLIGHT_MAX = 2_000
START_SECONDS = 5.0
"""How long the broker may take to answer at the start, before callers are answered without it."""
CHECK_SECONDS = 2.0
SWITCH_SECONDS = 0.0005
"""How long one thread may keep the interpreter from another; 5 ms by default, which a waiting caller would notice."""


class Server:
    """Holds the clients of one API process and starts and stops them around the application.

    Args:
        settings: broker, topics, ports, folder.
        token: the owner's.
    """

    def __init__(self, settings: Settings, token: str) -> None:
        self._settings = settings
        broker = connection_of(settings)
        self._in_force = InForce()
        self._condition = Condition()
        place = place_of(settings)
        self._database = Database(place, patient=True)
        require_carried_over(settings, self._database)
        self._registry = RelationalRegistry(self._database)
        timeout_seconds = settings.store_timeout_ms / 1000
        self._decisions, self._quick_decisions = (open_decisions_reader(settings, timeout_seconds, patient=True) for _ in range(2))
        self._access = open_access(self._database, settings, token, time.time)
        self._log = KafkaLog(broker, acks="all")
        # The caller learns from the reply that its event arrived, and from the fallback that it perhaps did not: so the
        # leader's word is enough here, and no replica is waited for.
        self._quick_log = KafkaLog(broker, acks="1")
        self._trials = Trials(settings.compile_memory_mib_max, settings.compile_cpu_ms_max)
        self._definitions = Definitions(
            self._registry, self._in_force, self._condition, self._log, settings.topic("control"), time.time,
            functools.partial(note_found, self._access.audit), Approval(settings.approval), self._trials.compile_change,
        )  # fmt: skip
        self._waiting = Waiting(settings.api_instance, time.time_ns(), IN_FLIGHT_MAX)
        own = f"{settings.api_instance}/".encode()
        self._replies = Following(broker, settings.topic("replies"), "replies", self._waiting.settle, own)
        self._control = Following(broker, settings.topic("control"), "control", self._take_control)
        self._metrics = MetricsPart(settings)
        counts = Counts()
        self._falling_back = FallingBack(
            self._definitions, self._in_force, self._access.audit, counts, time.time, settings.raises_in_a_row_max
        )
        self._newest_decisions = NewestDecisions(broker, settings.topic("decisions"))
        self._deciders = Deciders(self._newest_decisions, self._in_force, self._condition, counts, time.time)
        self._lists = ListsPart(settings, self._log, self._in_force, self._definitions, lambda: self._deciders.event_time_ms)
        self._letters = RaisedLetters(broker, settings.topic("dead-letters"), "dead-letters", self._falling_back.take)
        folder = place.path.parent if isinstance(place, SqlitePlace) else None
        self._store_checks = StoreChecks(self._decisions, self._quick_decisions, self._registry, self._access, folder)
        self._followed: asyncio.Queue[Sequence[Record]] = asyncio.Queue()
        self.app: Front = make_app(
            settings, self._access, self._in_force, self._definitions, self._decisions, self._quick_decisions, self._log, self._quick_log,
            self._waiting, self._condition, time.time, Stream(TopicSource(broker, settings.topic("decisions"))), self._lists.entries,
            self._lifespan, self._metrics.store, counts,
        )  # fmt: skip

    def _take_control(self, records: Sequence[Record]) -> None:
        self._followed.put_nowait(records)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        self._trials.start()
        connecting = [] if await self._is_connected() else [settled(self._connect_again, "the reading of topics")]
        self._metrics.start()
        async with httpx.AsyncClient(verify=rest_of(self._settings).tls() or True, trust_env=False) as client:
            # Each by itself: one that waits for its store must not hold up the others.
            checks = [Checks(self._condition, {name: check}).run() for name, check in self._checks(client).items()]
            settling = [self._definitions.settle(), self._lists.run(), *([self._access.owner.settle()] if self._access.owner else [])]
            tasks = [asyncio.create_task(each) for each in (*connecting, self._follow(), self._falling_back.run(), *settling, *checks)]
            settle_garbage()
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await self.app.close()
                await asyncio.to_thread(self._close)

    async def _is_connected(self) -> bool:
        """Connects with the broker; False where it does not answer, and the registry has a release to answer callers by until it does."""
        problem = await self._broker_problem(START_SECONDS)
        with contextlib.suppress(StoreUnavailableError):
            if problem and await self._definitions.stand_in():
                log.warning("the broker does not answer (%s): callers get the fallback of the newest release in the registry", problem)
                return False
        await self._connect()
        return True

    async def _connect_again(self) -> None:
        """As `_connect`, once the broker answers.

        Raises:
            LogUnavailableError: it does not.
        """
        problem = await self._broker_problem(CHECK_SECONDS)
        if problem:
            raise LogUnavailableError(problem)
        await self._connect()

    async def _connect(self) -> None:
        """Follows the topics from where they end, the control topic from its beginning; what was on it is taken in before the return."""
        await asyncio.to_thread(self._replies.assign, from_end=True)
        ends = await asyncio.to_thread(self._control.assign, from_end=False)
        await asyncio.to_thread(self._letters.assign, from_end=True)
        records = await asyncio.to_thread(self._control.read_to, ends)
        await self._definitions.take(records)
        with contextlib.suppress(StoreUnavailableError, LogUnavailableError):  # then `settle` does it
            await self._definitions.repair()
        await self._lists.start()
        for following in (self._replies, self._control, self._letters):
            following.start(asyncio.get_running_loop())

    async def _broker_problem(self, seconds: float) -> str:
        return await asyncio.to_thread(self._log.reaches_broker, seconds)

    async def _follow(self) -> None:
        """Batch after batch, so that records keep their order; one that raises costs itself, and the following goes on."""
        while True:
            records = await self._followed.get()
            try:
                await self._definitions.take(records)
            except Exception:
                log.exception("%d records of the control topic are not taken in", len(records))

    def _checks(self, client: httpx.AsyncClient) -> dict[str, Check]:
        score_job = ScoreJob(client, rest_of(self._settings).url)
        return {
            "broker": functools.partial(self._broker_problem, CHECK_SECONDS),
            "score_job": score_job.check,
            "metrics": self._metrics.check,
            "taken_back": self._falling_back.check,
            "entries": self._lists.check,
            "release": self._deciders.check,
            **self._store_checks.all(),
        }

    def _close(self) -> None:
        for part in (
            self._trials,
            self._control,
            self._replies,
            self._letters,
            self._lists,
            self._newest_decisions,
            self._log,
            self._quick_log,
            self._decisions,
            self._quick_decisions,
            self._database,
        ):
            part.close()
        self._metrics.close()
        self._store_checks.close()


def main() -> None:
    """Serves until TERM or Ctrl-C; ends with status 2 and a message when a setting or the broker refuses."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # The driver writes a trace at each try; the stores say themselves why they do not answer.
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        settings = read_settings()
        server = Server(settings, find_token(settings))
    except Refusal as refusal:
        print(f"weir: {refusal}", file=sys.stderr)
        sys.exit(2)
    uvicorn.run(
        server.app,
        host=settings.api_host,
        port=settings.api_port,
        loop="uvloop",
        http=PatientProtocol,
        ws="none",
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
