"""The synchronous decision: an event goes through Kafka and Flink while its caller waits, with a deadline and a fallback."""

import asyncio
import logging
import time

import msgspec

from api.decisions.waiting import TooManyInFlightError, Waiter, Waiting
from api.definitions.in_force import InForce
from api.http.health import Condition
from api.http.metrics import Counts
from api.http.problem import Answer, Problem
from api.http.query import require_known
from api.kafka.log import Clock, Log, LogUnavailableError
from features.schema.event import Event
from pipeline.engine.decision import fallback_flags
from pipeline.engine.release import Release
from pipeline.wire.declaration import REPLY_HEADER
from stores.decisions import Decisions, LatestScore, StoreUnavailableError

log = logging.getLogger(__name__)

DEADLINE_MS_MAX = 10_000
TAKEN = {"deadline_ms": False}
RETRY_SOON = [(b"retry-after", b"1")]


class Decided(msgspec.Struct):
    """The answer to a caller that waited: the pipeline's reply."""

    event_id: str
    revision: int
    score: float | None
    action: str
    reasons: list[str]
    flags: list[str]
    release: int
    elapsed_ms: float = 0.0


class FellBack(msgspec.Struct):
    """The answer without a decision of this event: `score` is the user's latest, `age_ms` old; null where there is none."""

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
    """Takes the body of ``POST /v1/decisions`` to its answer.

    Args:
        decisions: give the fallback's score.
        deadline_ms: when the caller names none.
    """

    def __init__(
        self,
        in_force: InForce,
        waiting: Waiting,
        events: Log,
        topic: str,
        condition: Condition,
        decisions: Decisions,
        counts: Counts,
        clock: Clock,
        deadline_ms: int,
    ) -> None:
        self._in_force = in_force
        self._waiting = waiting
        self._events = events
        self._topic = topic
        self._condition = condition
        self._decisions = decisions
        self._counts = counts
        self._clock = clock
        self._deadline_ms = deadline_ms

    async def answer(self, body: bytes, query: bytes) -> Answer:
        """The decision as the pipeline made it, or past the deadline the policy's fallback; then the event is scored all the same.

        An event that cannot be sent is answered with the fallback too, at once, and its reasons say that it was not taken.

        Raises:
            Refusal: the body is not an event of the schema, or the query has another parameter.
            Problem: 422 for a bad deadline, 429 when too many decisions are in flight.
        """
        began = time.perf_counter()
        deadline_ms = deadline_of(query, self._deadline_ms)
        release, decoder = self._in_force.require()
        event = decoder.decode(body, int(self._clock() * 1000))
        why = self._condition.without_scores
        reply = None
        try:
            if why:
                self._send(event, body, ())
            else:
                reply = await self._ask(event, body, began + deadline_ms / 1000)
                why = f"no decision within {deadline_ms} ms"
        except LogUnavailableError as error:
            why = f"the event was not taken, send it again: {error}"
        decided = None if reply is None else _read_reply(reply)
        if reply is not None and decided is None:
            why = "the decision came in a form that cannot be read"
        seconds = time.perf_counter() - began
        if decided is None:
            self._counts.decided("fallback", seconds)
            return Answer(200, _encode(await self._fallback(release, event, why, began)))
        self._counts.decided("answered", seconds)
        decided.elapsed_ms = _ms(seconds)
        return Answer(200, _encode(decided))

    async def _ask(self, event: Event, body: bytes, until: float) -> bytes | None:
        """The reply's bytes; None past the time `until`."""
        try:
            waiter, new = self._waiting.join((event.user, event.id, event.body_key))
        except TooManyInFlightError:
            text = f"{self._waiting.in_flight_max} decisions are in flight, no more are taken"
            raise Problem(429, text, RETRY_SOON) from None
        try:
            if new:
                self._send(event, body, [(REPLY_HEADER, waiter.name.encode())])
            return await _within(waiter, until)
        finally:
            self._waiting.leave(waiter)

    def _send(self, event: Event, body: bytes, headers: list[tuple[str, bytes]] | tuple[()]) -> None:
        self._events.produce(self._topic, event.user, body, headers)

    async def _fallback(self, release: Release, event: Event, why: str, began: float) -> FellBack:
        latest = await self._latest_of(release.schema.user, event.user)
        age_ms = None if latest is None else max(0, int(self._clock() * 1000) - latest.event_time)
        action = release.policy.fallback.action_at(age_ms)
        score = None if latest is None else latest.score
        reasons = [why, *filter(None, [self._condition.may_lose_events])]
        return FellBack(event.id, score, age_ms, action, reasons, fallback_flags(release), release.id, _ms(time.perf_counter() - began))

    async def _latest_of(self, kind: str, id: str) -> LatestScore | None:
        try:
            return await self._decisions.latest_soon(kind, id)
        except StoreUnavailableError as error:
            log.warning("the latest score could not be read: %s", error)
        except Exception:  # whatever store it is: the caller needs an action now, with the score or without
            log.exception("the latest score could not be read")
        return None


def _read_reply(reply: bytes) -> Decided | None:
    """The decision in a record of the topic of replies, on which anybody may write who has access to it; None where it holds none."""
    try:
        return _decode_reply(reply)
    except (ValueError, RecursionError) as error:
        log.error("a reply is no decision: %s", error)
        return None


async def _within(waiter: Waiter, until: float) -> bytes | None:
    if not waiter.reply.done():
        # wait() leaves the future alone at the end of the time: other callers may still wait for it.
        await asyncio.wait((waiter.reply,), timeout=max(0.0, until - time.perf_counter()))
    return waiter.reply.result() if waiter.reply.done() else None


def deadline_of(query: bytes, default_ms: int) -> int:
    """``deadline_ms`` of a query string, 1 to 10,000.

    Raises:
        Problem: 422, it is given and is something else.
        Refusal: it is given twice, or another parameter is.
    """
    if not query:
        return default_ms
    name, _, value = query.partition(b"=")
    if name == b"deadline_ms" and value.isdigit():  # as nearly all are; the general way takes as long as the rest of a request
        text = value.decode()
    else:
        given = require_known(query, TAKEN)
        if not given:
            return default_ms
        [(_, text)] = given
    if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= DEADLINE_MS_MAX:
        return int(text)
    members = {"what": "bad deadline", "where": "deadline_ms", "expected": f"1 to {DEADLINE_MS_MAX}", "got": text[:80], "remedy": ""}
    raise Problem(422, f"deadline_ms: expected 1 to {DEADLINE_MS_MAX}, got {text[:80]}", members=members)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
