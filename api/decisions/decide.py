"""The synchronous decision: an event goes through Kafka and Flink while its caller waits, up to a deadline; then it gets the fallback."""

import logging
import time

import msgspec

from api.decisions.waiting import TooManyInFlightError, Waiting
from api.definitions.in_force import InForce
from api.http.health import Health
from api.http.metrics import ApiMetrics
from api.http.problem import Answer, Problem
from api.http.query import require_known
from api.kafka.log import Clock, Log, LogFullError, LogUnavailableError
from features.schema.event import Event
from pipeline.engine.decisions.decision import fallback_flags
from pipeline.engine.definitions.release import Release
from pipeline.wire.declaration import REPLY_HEADER
from stores.decisions import Decisions, LatestScore, StoreUnavailableError

log = logging.getLogger(__name__)

DEADLINE_MS_MAX = 10_000
TAKEN = {"deadline_ms": False}
RETRY_SOON = [(b"retry-after", b"1")]


class Decided(msgspec.Struct):
    """The decision of the pipeline, as a caller that waits for it gets it.

    `probability` is that of a positive label, and `probability_interval` holds it with 95 %; both are left out where they are not known.
    """

    event_id: str
    revision: int
    score: float | None
    action: str
    reasons: list[str]
    flags: list[str]
    release: int
    probability: float | msgspec.UnsetType = msgspec.UNSET
    probability_interval: tuple[float, float] | msgspec.UnsetType = msgspec.UNSET
    elapsed_ms: float = 0.0


class FellBack(msgspec.Struct):
    """The fallback, when there is no decision in time; `score` is the latest of the primary entity, `age_ms` old; null if it has none."""

    event_id: str
    score: float | None
    age_ms: int | None
    action: str
    reasons: list[str]
    flags: list[str]
    release: int
    elapsed_ms: float


_encode = msgspec.json.Encoder().encode
_decode_reply = msgspec.json.Decoder(type=Decided).decode


class Decide:
    """Answers ``POST /v1/decisions``.

    Args:
        events: the log that events are written to.
        topic: the full name of the topic of events.
        decisions: the store that gives the fallback its score.
        deadline_ms: the deadline when the caller names none.
    """

    def __init__(
        self,
        in_force: InForce,
        waiting: Waiting,
        events: Log,
        topic: str,
        health: Health,
        decisions: Decisions,
        api_metrics: ApiMetrics,
        clock: Clock,
        deadline_ms: int,
    ) -> None:
        self._in_force = in_force
        self._waiting = waiting
        self._events = events
        self._topic = topic
        self._health = health
        self._decisions = decisions
        self._api_metrics = api_metrics
        self._clock = clock
        self._deadline_ms = deadline_ms

    async def answer(self, body: bytes, query: bytes) -> Answer:
        """The decision of the pipeline, or after the deadline the policy's fallback; the event is scored in either case.

        If the broker does not take the event, the fallback is answered at once, and its reasons say that the event has to be sent again.

        Raises:
            Refusal: the body is not an event of the schema, or the query has an unknown parameter.
            Problem: 422, the deadline is out of range; 429, too many decisions are in flight; 503, no release is in force.
            LogFullError: too many events wait already.
        """
        began = time.perf_counter()
        deadline_ms = deadline_of(query, self._deadline_ms)
        release, decoder = self._in_force.require()
        body = decoder.read(body, int(self._clock() * 1000))
        event = body.event
        why = self._health.without_scores
        reply = None
        try:
            if why:
                self._send(event, body, ())
            else:
                reply = await self._ask(event, body, began + deadline_ms / 1000)
                why = f"no decision within {deadline_ms} ms"
        except LogFullError:
            raise
        except LogUnavailableError as error:
            why = f"the event was not taken, send it again: {error}"
        decided = None if reply is None else _read_reply(reply)
        if reply is not None and decided is None:
            why = "the reply of the pipeline could not be read"
        seconds = time.perf_counter() - began
        if decided is None:
            self._api_metrics.count_decision("fallback", seconds)
            return Answer(200, _encode(await self._fallback(release, event, why, began)))
        self._api_metrics.count_decision("answered", seconds)
        decided.elapsed_ms = _ms(seconds)
        return Answer(200, _encode(decided))

    async def _ask(self, event: Event, body: bytes, until: float) -> bytes | None:
        """The bytes of the reply; None when there is none before the time `until` (of `time.perf_counter`)."""
        try:
            waiter, new = self._waiting.join((event.user, event.id, event.body_key))
        except TooManyInFlightError:
            text = f"{self._waiting.in_flight_max} decisions are in flight, which is the most that this process takes"
            raise Problem(429, text, RETRY_SOON) from None
        try:
            if new:
                self._send(event, body, [(REPLY_HEADER, waiter.name.encode())])
            return await waiter.within(until - time.perf_counter())
        finally:
            self._waiting.leave(waiter)

    def _send(self, event: Event, body: bytes, headers: list[tuple[str, bytes]] | tuple[()]) -> None:
        self._events.produce(self._topic, event.user, body, headers)

    async def _fallback(self, release: Release, event: Event, why: str, began: float) -> FellBack:
        latest = await self._latest_of(release.schema.user, event.user)
        age_ms = None if latest is None else max(0, int(self._clock() * 1000) - latest.event_time)
        action = release.policy.fallback.action_at(age_ms)
        score = None if latest is None else latest.score
        reasons = [why, *filter(None, [self._health.may_lose_events])]
        return FellBack(event.id, score, age_ms, action, reasons, fallback_flags(release), release.id, _ms(time.perf_counter() - began))

    async def _latest_of(self, entity_type: str, id: str) -> LatestScore | None:
        try:
            return await self._decisions.latest_soon(entity_type, id)
        except StoreUnavailableError as error:
            log.warning("the latest score for a fallback could not be read: %s", error)
        except Exception:  # each kind of store raises its own errors; the caller needs an action now, with a score or without
            log.exception("the latest score for a fallback could not be read")
        return None


def _read_reply(reply: bytes) -> Decided | None:
    """The decision in a record of the topic of replies; None when the record, which another program may have written, holds none."""
    try:
        return _decode_reply(reply)
    except (ValueError, RecursionError) as error:
        log.error("a record of the topic of replies is not a decision: %s", error)
        return None


def deadline_of(query: bytes, default_ms: int) -> int:
    """The parameter ``deadline_ms`` of a query string, 1 to 10,000 ms (both inclusive); `default_ms` if it is not given.

    Raises:
        Problem: 422, the value is not such a number.
        Refusal: the parameter is given twice, or there is an unknown one.
    """
    if not query:
        return default_ms
    name, _, value = query.partition(b"=")
    if name == b"deadline_ms" and value.isdigit():  # nearly all queries are so; the general parser takes as long as the rest of a request
        text = value.decode()
    else:
        given = require_known(query, TAKEN)
        if not given:
            return default_ms
        [(_, text)] = given
    if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= DEADLINE_MS_MAX:
        return int(text)
    expected = f"a whole number of milliseconds from 1 to {DEADLINE_MS_MAX}"
    members = {"what": "bad deadline", "where": "deadline_ms", "expected": expected, "got": text[:80], "remedy": ""}
    raise Problem(422, f"deadline_ms: bad deadline: expected {expected}, got {text[:80]}", members=members)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
