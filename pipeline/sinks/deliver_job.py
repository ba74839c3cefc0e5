"""The deliver job writes decisions from Kafka to the store that the API reads.

It writes a whole batch before it commits the batch's offsets. After a crash it writes the batch again, and the store drops the repeats.
"""

import logging
import sqlite3
import struct
import time
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Annotated

import msgspec
from confluent_kafka import KafkaException

from foundation.settings import Settings
from pipeline.control.definitions import Definitions
from pipeline.control.job_program import run_job
from pipeline.control.kafka import BATCH_MAX, UNHURRIED, ControlTopic, consumer_of
from pipeline.control.kafka_access import wait_seconds_of, wake
from pipeline.control.topic_clients import TopicConsumer, TopicMessage
from pipeline.engine.definitions.release import Release
from pipeline.engine.isolation import Aside, one_by_one
from pipeline.sinks.decision_store import open_decisions
from stores.decisions import Decisions, StoredDecision, TopicPlace

log = logging.getLogger(__name__)

WAIT_SECONDS_MIN = 0.1
WAIT_SECONDS_MAX = 10.0
REPORT_SECONDS = 60.0
RELEASE_SECONDS_MAX = 60.0
"""A decision waits for its release no longer than this, so that one that names a release which nobody made does not hold up the others."""
GIVEN_UP_MAX = 1_000
KEY_CHARACTERS_MAX = 16_000
"""The greatest length of an id: in UTF-8 it is then at most 64,000 bytes, which every store takes as a key."""
NEVER_HELD = (UnicodeError, OverflowError, RecursionError, struct.error, sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError)
"""The errors that a store raises at a decision that it can never hold; after any other error the write is tried again."""


Id = Annotated[str, msgspec.Meta(max_length=KEY_CHARACTERS_MAX)]
Whole = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""An integer that every store can hold; without this limit a write that can never succeed would be tried for ever."""


class IndexedDecision(msgspec.Struct):
    """The fields by which a store finds a decision; the rest of the record's value is kept as it is and not decoded."""

    event_id: Id
    revision: Whole
    event_time: Whole
    user: Id
    entities: dict[str, Id]
    score: float | None
    action: str
    release: Whole
    flags: list[str] = []


_decode = msgspec.json.Decoder(IndexedDecision).decode


class Deliverer:
    """Writes decisions to a store; it knows nothing of Kafka.

    Args:
        store: takes the decisions; when it fails, the write is tried again with growing waits.
        definitions: tell which entity type is the primary one, and how event ids are ordered.
        refresh: reads what is new on the control topic into `definitions`.
        wait: sleeps for the given number of seconds.
        stopping: whether the process is to end; the retries end then too.
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
        self.aside = Aside("decision")
        self._given_up: set[int] = set()
        self._store = store
        self._definitions = definitions
        self._refresh = refresh
        self._wait = wait
        self._stopping = stopping

    def deliver(self, values: list[bytes], places: Sequence[TopicPlace] = ()) -> bool:
        """Writes a batch; returns False if it was told to stop before the batch was written.

        A value that is no decision, or that the store can never hold, is set aside and not made a dead letter: only the score job
        writes to this topic.

        Args:
            values: of the records.
            places: partition and offset of each record; may be empty.
        """
        placed = list(zip(values, places or repeat(None), strict=False))
        found = self.aside.each(((*_place_of(place), (value, place)) for value, place in placed), lambda each: self._stored(*each))
        decisions = [decision for decision in found if decision is not None]
        if self._stopping() and len(decisions) < len(values):
            return False
        return not decisions or all(one_by_one(decisions, self._write, lambda: None, self._unwritable))

    def _unwritable(self, decision: StoredDecision, error: Exception) -> bool:
        self.aside.put(*_place_of(decision.place), error)
        return True

    def _write(self, decisions: Sequence[StoredDecision]) -> bool:
        wait_seconds = WAIT_SECONDS_MIN
        while True:
            try:
                new = self._store.write(list(decisions))
            except NEVER_HELD:
                raise
            except Exception as error:
                log.warning("the store did not take %d decisions; the next try is in %.1f s: %s", len(decisions), wait_seconds, error)
                if self._stopping():
                    return False
                self._wait(wait_seconds)
                wait_seconds = min(2 * wait_seconds, WAIT_SECONDS_MAX)
                continue
            self.written += new
            self.repeats += len(decisions) - new
            return True

    def _stored(self, value: bytes, place: TopicPlace | None) -> StoredDecision | None:
        found = _decode(value)
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
        """Gives the release `id`, which is waited for if it is yet to come, or else the nearest; None if told to stop meanwhile."""
        release = self._definitions.releases.get(id)
        if release is not None:
            return release
        wait_seconds, waited_seconds = WAIT_SECONDS_MIN, 0.0
        while self._is_to_come(id):
            self._refresh()
            if not self._is_to_come(id):
                break
            if self._stopping():
                return None
            if self._definitions.releases.ids() and waited_seconds >= RELEASE_SECONDS_MAX:
                log.error("release %d did not come to the control topic; its decisions are stored by the rules of the nearest release", id)
                self._give_up(id)
                break
            waited_seconds += wait_seconds
            log.warning("release %d is not on the control topic yet; its decisions wait for it", id)
            self._wait(wait_seconds)
            wait_seconds = min(2 * wait_seconds, WAIT_SECONDS_MAX)
        return self._definitions.releases.nearest(id)

    def _is_to_come(self, id: int) -> bool:
        return id > max(self._definitions.releases.ids(), default=0) and id not in self._given_up

    def _give_up(self, id: int) -> None:
        if len(self._given_up) >= GIVEN_UP_MAX:
            self._given_up.clear()
        self._given_up.add(id)


def _place_of(place: TopicPlace | None) -> tuple[str, int]:
    return (f"decisions/{place.partition}", place.offset) if place else ("decisions", -1)


def order_of(event_id: str, integer: bool) -> bytes:
    """Gives bytes that sort events of the same time by their ids, as integers or as text.

    An id that is no 64-bit integer sorts as text: it comes from before the schema declared integer ids.
    """
    try:
        return (int(event_id) + (1 << 63)).to_bytes(8, "big") if integer else event_id.encode()
    except (ValueError, OverflowError):
        return event_id.encode()


class DeliverJob:
    """Reads the decisions topic in a consumer group of its own; several processes may share its partitions.

    Args:
        settings: name the broker and the topics.
        store: takes the decisions; the job closes it at the end.
    """

    def __init__(self, settings: Settings, store: Decisions) -> None:
        self._stopping = False
        self._settings = settings
        self._store = store
        self._consumer: TopicConsumer = consumer_of(settings, "deliver", **UNHURRIED)
        self._control = ControlTopic(settings)
        self.deliverer = Deliverer(
            store, self._control.definitions, lambda: self._control.read_to_end(self.stopping), stopping=self.stopping
        )

    def run(self) -> None:
        """Delivers decisions until `stop` is called."""
        self._control.read_to_end(self.stopping)
        self._consumer.subscribe([self._settings.topic("decisions")])
        reported = time.monotonic()
        while not self._stopping:
            self._take(self._consumer.consume(BATCH_MAX, wait_seconds_of(self._consumer)))
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
        wake(self._consumer)

    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    def figures(self) -> str:
        """One line that says how many decisions were written, dropped as repeats and set aside."""
        done = self.deliverer
        return f"{done.written} decisions written, {done.repeats} repeats dropped, {done.aside.count} set aside"

    def _take(self, messages: Sequence[TopicMessage]) -> None:
        good = [message for message in messages if not message.error()]
        for message in messages:
            if message.error():
                log.warning("the consumer of decisions reports an error: %s", message.error())
        places = [TopicPlace(message.partition() or 0, message.offset() or 0) for message in good]
        if good and self.deliverer.deliver([message.value() or b"" for message in good], places):
            try:
                self._consumer.commit(asynchronous=False)
            except KafkaException as error:  # the process that has the partition now reads them again, and the store drops the repeats
                log.warning("the offsets of %d decisions were not committed: %s", len(good), error)


def main() -> None:
    """Runs the job until SIGTERM or SIGINT."""
    run_job(lambda settings: DeliverJob(settings, open_decisions(settings)))


if __name__ == "__main__":
    main()
