"""The deliver job: decisions from Kafka into the store that the API reads.

A batch is written whole before its offsets are committed; after a crash it is written again, and the store drops the repeats.
"""

import logging
import signal
import time
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Annotated

import msgspec
from confluent_kafka import Consumer, KafkaException, Message

from pipeline.decision_store import open_decisions
from pipeline.kafka import BATCH_MAX, UNHURRIED, ControlTopic, consumer_of
from pipeline.release import Release
from pipeline.settings import Settings, read_settings
from pipeline.stages.definitions import Definitions
from stores.decisions import Decisions, StoredDecision, TopicPlace

log = logging.getLogger(__name__)

WAIT_SECONDS_MIN = 0.1
WAIT_SECONDS_MAX = 10.0
REPORT_SECONDS = 60.0


Whole = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""What a store can hold: a write that can never succeed would be tried for ever."""


class IndexedDecision(msgspec.Struct):
    """What a decision is found by; the rest of its value is kept unread."""

    event_id: str
    revision: Whole
    event_time: Whole
    user: str
    entities: dict[str, str]
    score: float | None
    action: str
    release: Whole
    flags: list[str] = []


_decode = msgspec.json.Decoder(IndexedDecision).decode


class Deliverer:
    """Decisions as they come into a store, without Kafka.

    Args:
        store: takes them; when it fails, the write is tried again with growing waits.
        definitions: tell the user's kind and how ids are ordered.
        refresh: reads what is new on the control topic into `definitions`.
        wait: sleeps so many seconds.
        stopping: ends the retries.
    """

    def __init__(
        self,
        store: Decisions,
        definitions: Definitions,
        refresh: Callable[[], None],
        wait: Callable[[float], None] = time.sleep,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.written = 0
        self.repeats = 0
        self.unreadable = 0
        self._store = store
        self._definitions = definitions
        self._refresh = refresh
        self._wait = wait
        self._stopping = stopping

    def deliver(self, values: list[bytes], places: Sequence[TopicPlace] = ()) -> bool:
        """Writes a batch, each with its place in the topic where it is given; False when it was told to stop before it was written.

        A value that is no decision is counted and left out: nobody but the score job writes to the topic.
        """
        placed = zip(values, places or repeat(None), strict=False)
        decisions = [decision for value, place in placed if (decision := self._stored(value, place)) is not None]
        if len(decisions) < len(values) and self._stopping():
            return False
        return self._write(decisions)

    def _write(self, decisions: list[StoredDecision]) -> bool:
        wait_seconds = WAIT_SECONDS_MIN
        while True:
            try:
                new = self._store.write(decisions)
            except Exception as error:
                log.warning("the store does not take %d decisions, next try in %.1f s: %s", len(decisions), wait_seconds, error)
                if self._stopping():
                    return False
                self._wait(wait_seconds)
                wait_seconds = min(2 * wait_seconds, WAIT_SECONDS_MAX)
                continue
            self.written += new
            self.repeats += len(decisions) - new
            return True

    def _stored(self, value: bytes, place: TopicPlace | None) -> StoredDecision | None:
        try:
            found = _decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self.unreadable += 1
            log.error("a record of the decisions topic is no decision: %s", error)
            return None
        release = self._release(found.release)
        if release is None:
            return None
        order = order_of(found.event_id, release.schema.id_type == "integer")
        keys = ((release.schema.user, found.user), *((kind, id) for kind, id in found.entities.items() if id))
        return StoredDecision(
            found.event_id,
            found.revision,
            found.event_time,
            order,
            keys,
            found.score,
            found.action,
            found.release,
            value,
            "retracted" in found.flags,
            place,
        )

    def _release(self, id: int) -> Release | None:
        """The decision's own release; the newest one when it is too old to be held; waits for one that is yet to come."""
        releases = self._definitions.releases
        wait_seconds = WAIT_SECONDS_MIN
        while id not in releases and id > max(releases, default=0):
            self._refresh()
            if id in releases or self._stopping():
                break
            log.warning("release %d is not on the control topic yet", id)
            self._wait(wait_seconds)
            wait_seconds = min(2 * wait_seconds, WAIT_SECONDS_MAX)
        if self._stopping() and id > max(releases, default=0):
            return None
        return releases.get(id) or self._definitions.newest


def order_of(event_id: str, integer: bool) -> bytes:
    """What sorts events of one time; an id from before the schema called ids integers is ordered as text."""
    try:
        return (int(event_id) + (1 << 63)).to_bytes(8, "big") if integer else event_id.encode()
    except (ValueError, OverflowError):
        return event_id.encode()


class DeliverJob:
    """Reads the decisions topic in a consumer group of its own; several may share its partitions.

    Args:
        settings: where the broker is.
        store: that it writes to; closed at the end.
    """

    def __init__(self, settings: Settings, store: Decisions) -> None:
        self._stopping = False
        self._settings = settings
        self._store = store
        self._consumer: Consumer = consumer_of(settings, "deliver", **UNHURRIED)
        self._control = ControlTopic(settings)
        self.deliverer = Deliverer(
            store, self._control.definitions, lambda: self._control.read_to_end(self.stopping), stopping=self.stopping
        )

    def run(self) -> None:
        """Delivers until `stop`."""
        self._control.read_to_end(self.stopping)
        self._consumer.subscribe([self._settings.topic("decisions")])
        reported = time.monotonic()
        while not self._stopping:
            self._take(self._consumer.consume(BATCH_MAX, 0.2))
            if time.monotonic() - reported >= REPORT_SECONDS:
                reported = time.monotonic()
                log.info("%s", self.figures())
        self._consumer.close()
        self._control.close()
        self._store.close()
        log.info("stopped: %s", self.figures())

    def stop(self) -> None:
        """Ends `run` after its current batch."""
        self._stopping = True

    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def figures(self) -> str:
        """What was done so far, in words."""
        done = self.deliverer
        return f"{done.written} decisions written, {done.repeats} repeats dropped, {done.unreadable} unreadable"

    def _take(self, messages: list[Message]) -> None:
        good = [message for message in messages if not message.error()]
        for message in messages:
            if message.error():
                log.warning("consumer: %s", message.error())
        places = [TopicPlace(message.partition() or 0, message.offset() or 0) for message in good]
        if good and self.deliverer.deliver([message.value() or b"" for message in good], places):
            try:
                self._consumer.commit(asynchronous=False)
            except KafkaException as error:  # read again by whoever has the partition now, and dropped as repeats
                log.warning("offsets not committed: %s", error)


def main() -> None:
    """Runs the job until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = read_settings()
    job = DeliverJob(settings, open_decisions(settings))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: job.stop())
    job.run()


if __name__ == "__main__":
    main()
