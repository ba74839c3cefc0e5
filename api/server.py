"""``python -m api.server`` runs one process of the API with the settings of the environment."""

import asyncio
import contextlib
import functools
import logging
import math
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence

import httpx
import uvicorn
from fastapi import FastAPI

from alerts.webhooks.addresses import networks
from api.app import make_app
from api.asgi_entry import AsgiEntry
from api.auth.access import note_found, open_access
from api.auth.token import find_token
from api.decisions.deciders import Deciders
from api.decisions.newest_decisions import NewestDecisions
from api.decisions.waiting import Waiting
from api.definitions.approval import Approval
from api.definitions.automatic_rollback import AutomaticRollback, RaisedLetters
from api.definitions.in_force import InForce
from api.definitions.lists_part import ListsPart
from api.definitions.publisher import Definitions
from api.descriptors import connections_for, raise_limit
from api.facts.told_facts import FactsPart
from api.http.health import Health
from api.http.metrics import ApiMetrics
from api.http.retry import retry_until_done
from api.kafka.following import Following, Record
from api.kafka.log import LogUnavailableError
from api.models.drifting import Drifting
from api.operations.checks import Check, Checks
from api.operations.earlier_files import require_carried_over
from api.operations.figures_part import FiguresPart
from api.operations.metrics_part import MetricsPart
from api.operations.store_checks import StoreChecks
from api.owned_stores import OwnedStores, owned_stores_of
from api.parts import Parts
from api.patterns.carrying_out import CarryingOut
from api.protocol import CONNECTIONS_MAX, BoundedProtocol
from api.quiet_server import serve
from api.solo.runtime import runtime_of
from api.stream.stream import Stream
from api.stream.stream_source import TopicSource
from api.trials.process_trials import ProcessTrials
from api.trials.trials import Trials
from api.verdicts.verdicts_part import Changing, carrying_out_of
from api.webhooks.webhook_routes import Vetting
from foundation.refusal import Refusal
from foundation.settings import Settings, read_settings
from pipeline.comparison.newest_drift import DriftMeasure
from pipeline.comparison.unchanged import Unchanged
from pipeline.control.kafka_access import Connection, connection_of
from pipeline.flink.flink_rest import rest_of
from pipeline.flink.garbage import settle_garbage
from pipeline.sinks.decision_store import open_decisions_reader
from stores.decisions import StoreUnavailableError
from stores.relational.commits import Commits
from stores.relational.database import Database
from stores.relational.definitions import RelationalRegistry
from stores.relational.place import SqlitePlace, place_of

log = logging.getLogger(__name__)

IN_FLIGHT_MAX = 2_000
START_SECONDS = 5.0
"""The time that the broker has to answer at the start; after it the API starts without the broker and answers with fallbacks."""
CHECK_SECONDS = 2.0
START_FAILED = 3
"""The status of a process whose application could not start, as uvicorn has it."""
UNUSED_TRIAL_SECONDS_MAX = 60.0
"""How long a solo system keeps the process that has tried definitions: it takes more memory than all that is kept for decisions."""
SWITCH_SECONDS, SWITCH_SECONDS_OF_SOLO = 0.0005, 0.002
"""How long one thread may hold the interpreter while another waits. Python's default of 5 ms would add to the latency of decisions. In a
solo system the engine decides a batch in about 1 ms: where it has to give up the interpreter in the middle, the whole batch is later, and
the p99 at 2,000 a second is twice as high."""


class Server:
    """Builds the parts of one API process, and starts and stops them around its application.

    Args:
        settings: the settings, such as those of the broker, topics, ports and folder.
        token: the owner's token.
        clock: seconds since the epoch.
        trials: where uploaded definitions are tried; None stands for a process that is started with this one.
    """

    def __init__(self, settings: Settings, token: str, clock: Callable[[], float] = time.time, trials: Trials | None = None) -> None:
        self._settings = settings
        broker = connection_of(settings)
        self._in_force = InForce()
        self._health = Health()
        place = place_of(settings)
        self._database = Database(place, patient=True)
        require_carried_over(settings, self._database)
        self._commits = Commits(place)
        self._registry = RelationalRegistry(self._database)
        timeout_seconds = settings.store_timeout_ms / 1000
        self._decisions, self._quick_decisions = (open_decisions_reader(settings, timeout_seconds, patient=True) for _ in range(2))
        self._access = open_access(self._database, settings, token, clock)
        self._waiting = Waiting(settings.api_instance, time.time_ns(), IN_FLIGHT_MAX)
        self._runtime = runtime_of(settings, self._waiting.answer, clock)
        self._log, self._replies = self._runtime.log, self._runtime.replies
        self._trials = trials or trials_of(settings)
        self._definitions = Definitions(
            self._registry, self._in_force, self._health, self._log, settings.topic("control"), clock,
            functools.partial(note_found, self._access.audit), Approval(settings.approval), self._trials.compile_change,
            self._trials.test_rule, self._trials.measure_models,
        )  # fmt: skip
        self._control = Following(broker, settings.topic("control"), "control", self._take_control)
        self._metrics = MetricsPart(settings)
        api_metrics = ApiMetrics()
        self._automatic_rollback = AutomaticRollback(
            self._definitions, self._in_force, self._access.audit, api_metrics, clock, settings.raises_in_a_row_max
        )
        self._newest_decisions = NewestDecisions(broker, settings.topic("decisions"))
        self._deciders = Deciders(self._newest_decisions, self._in_force, self._health, api_metrics, clock)
        self._lists = ListsPart(settings, self._log, self._in_force, self._definitions, lambda: self._deciders.event_time_ms)
        self._facts = FactsPart(settings)
        stores = owned_stores_of(self._database, _vetting(settings))
        drifting = Drifting(DriftMeasure(stores.effects, Unchanged(self._registry)), self._in_force)
        self._figures = FiguresPart(settings, api_metrics.registry, stores.effects, stores.cases.cases, drifting, self._in_force, clock)
        self._carrying_out = CarryingOut(
            stores.effects, self._lists.entries, self._definitions, self._in_force, self._access.audit, settings.api_instance, clock,
            self._commits.number,
        )  # fmt: skip
        changing = Changing(self._log, self._lists.entries, self._facts.told)
        self._verdicts = carrying_out_of(
            settings, self._database, stores.cases, self._decisions, changing, self._in_force, self._access.audit, clock,
            self._commits.number,
        )  # fmt: skip
        self._letters = RaisedLetters(broker, settings.topic("dead-letters"), "dead-letters", self._automatic_rollback.take)
        folder = place.path.parent if isinstance(place, SqlitePlace) else None
        self._store_checks = StoreChecks(self._decisions, self._quick_decisions, self._registry, self._access, folder, self._commits.number)
        self._followed: asyncio.Queue[Sequence[Record]] = asyncio.Queue()
        self.app: AsgiEntry = make_app(self._parts(broker, stores, drifting, api_metrics, clock), self._lifespan)

    def _parts(
        self, broker: Connection, stores: OwnedStores, drifting: Drifting, api_metrics: ApiMetrics, clock: Callable[[], float]
    ) -> Parts:
        return Parts(
            settings=self._settings,
            access=self._access,
            in_force=self._in_force,
            definitions=self._definitions,
            decisions=self._decisions,
            quick_decisions=self._quick_decisions,
            log=self._log,
            quick_log=self._runtime.quick_log,
            waiting=self._waiting,
            health=self._health,
            clock=clock,
            stream=Stream(TopicSource(broker, self._settings.topic("decisions"))),
            entries=self._lists.entries,
            facts=self._facts.told,
            stores=stores,
            drifting=drifting,
            metrics=self._metrics.store,
            api_metrics=api_metrics,
        )

    def _take_control(self, records: Sequence[Record]) -> None:
        self._followed.put_nowait(records)

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        self._trials.prepare()
        self._runtime.start()
        connecting = [] if await self._is_connected() else [retry_until_done(self._connect_again, "the reading of topics")]
        self._metrics.start()
        async with httpx.AsyncClient(verify=rest_of(self._settings).tls() or True, trust_env=False) as client:
            # Each check has a task of its own, so that one that waits for its store does not delay the others.
            checks = [Checks(self._health, {name: check}).run() for name, check in self._checks(client).items()]
            durable = [
                self._definitions.following.reconcile(),
                self._lists.run(),
                self._carrying_out.run(),
                self._verdicts.run(),
                *self._figures.runs(client),
                *([self._access.owner.keep_until_done()] if self._access.owner else []),
            ]
            tasks = [asyncio.create_task(each) for each in (*connecting, self._follow(), self._automatic_rollback.run(), *durable, *checks)]
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
        """Connects to the broker; gives False when the broker is down and the newest release of the registry stands in until it is up."""
        problem = await self._broker_problem(START_SECONDS)
        with contextlib.suppress(StoreUnavailableError):
            if problem and await self._definitions.following.stand_in():
                text = "the broker does not answer (%s); until it does, callers get the fallback of the newest release in the registry"
                log.warning(text, problem)
                return False
        await self._connect()
        return True

    async def _connect_again(self) -> None:
        """Calls `_connect` if the broker answers.

        Raises:
            LogUnavailableError: the broker does not answer.
        """
        problem = await self._broker_problem(CHECK_SECONDS)
        if problem:
            raise LogUnavailableError(problem)
        await self._connect()

    async def _connect(self) -> None:
        """Follows the topics from their ends, but the control topic from its beginning; its records are taken in before this returns."""
        await asyncio.to_thread(self._replies.assign, from_end=True)
        ends = await asyncio.to_thread(self._control.assign, from_end=False)
        await asyncio.to_thread(self._letters.assign, from_end=True)
        records = await asyncio.to_thread(self._control.read_to, ends)
        await self._definitions.following.take(records)
        with contextlib.suppress(StoreUnavailableError, LogUnavailableError):  # `reconcile` then does it later
            await self._definitions.following.repair()
        await self._lists.start()
        await self._facts.start()
        for following in (self._replies, self._control, self._letters):
            following.start(asyncio.get_running_loop())

    async def _broker_problem(self, seconds: float) -> str:
        return await self._log.takes_records(seconds)

    async def _follow(self) -> None:
        """Takes in the batches of the control topic one after the other; a batch that raises is logged and passed over."""
        while True:
            records = await self._followed.get()
            try:
                await self._definitions.following.take(records)
            except Exception:
                log.exception("%d records of the control topic could not be taken in", len(records))

    def _checks(self, client: httpx.AsyncClient) -> dict[str, Check]:
        return {
            "broker": functools.partial(self._broker_problem, CHECK_SECONDS),
            "score_job": self._score_check(client),
            "metrics": self._metrics.check,
            "taken_back": self._automatic_rollback.check,
            "entries": self._lists.check,
            "release": self._deciders.check,
            **self._store_checks.all(),
        }

    def _score_check(self, client: httpx.AsyncClient) -> Check:
        return lambda: self._runtime.check(client)

    def _close(self) -> None:
        for part in (
            self._trials,
            self._control,
            self._letters,
            self._lists,
            self._facts,
            self._newest_decisions,
            self._runtime,
            self._decisions,
            self._quick_decisions,
            self._commits,
            self._database,
        ):
            part.close()
        self._metrics.close()
        self._store_checks.close()


def trials_of(settings: Settings, unused_seconds_max: float = math.inf) -> ProcessTrials:
    """The process that tries definitions within the bounds that the settings name; see `ProcessTrials`."""
    return ProcessTrials(settings.compile_memory_mib_max, settings.compile_cpu_ms_max, unused_seconds_max)


def _vetting(settings: Settings) -> Vetting:
    return Vetting(networks(settings.webhook_networks, "WEIR_WEBHOOK_NETWORKS"), settings.webhook_plain == "accept")


def main() -> None:
    """Serves until TERM or Ctrl-C; ends with status 2 and a message on standard error if a setting is wrong or a store refuses."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # The driver logs a traceback at each attempt to connect; the stores report by themselves why they do not answer.
    logging.getLogger("cassandra").setLevel(logging.CRITICAL)
    BoundedProtocol.connections_max = connections_for(raise_limit(), CONNECTIONS_MAX)
    try:
        settings = read_settings()
        sys.setswitchinterval(SWITCH_SECONDS_OF_SOLO if settings.runtime == "solo" else SWITCH_SECONDS)
        unused_seconds_max = UNUSED_TRIAL_SECONDS_MAX if settings.runtime == "solo" else math.inf
        server = Server(settings, find_token(settings), trials=trials_of(settings, unused_seconds_max))
    except Refusal as refusal:
        print(f"weir: {refusal}", file=sys.stderr)
        sys.exit(2)
    config = uvicorn.Config(
        server.app,
        host=settings.api_host,
        port=settings.api_port,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        proxy_headers=False,  # `api.http.peer` reads them, and believes only the proxies that the settings trust
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )
    if not serve(config):
        sys.exit(START_FAILED)


if __name__ == "__main__":
    main()
