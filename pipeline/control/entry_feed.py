"""The entries of lists for the stage that decides: the topic ``entries`` is read to its end, and followed from then on."""

import collections
import logging
import threading
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

from patterns.entries import Change, read_record
from pipeline.control.kafka import BATCH_MAX, is_end
from pipeline.control.kafka_access import Connection
from pipeline.engine.isolation import NoRecordsFaultError

log = logging.getLogger(__name__)

START_SECONDS_MAX = 60.0
_POLL_SECONDS = 0.2
_ANSWER_SECONDS = 10.0


class KafkaEntryFeed:
    """Follows the only partition of the topic, without a consumer group, in a thread of its own once it was read to its end.

    Args:
        connection: of a client of librdkafka, with the broker's address.
        topic: the full name of the topic.
    """

    def __init__(self, connection: Connection, topic: str) -> None:
        self._connection = connection
        self._topic = topic
        self._changes: collections.deque[Change] = collections.deque()
        self._consumer: Consumer | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False

    def start(self) -> None:
        """Reads all records that the topic holds, and goes on to follow it; a second call does nothing.

        A million entries take some seconds, in which the stage decides nothing: no event may be decided without them.

        Raises:
            NoRecordsFaultError: the broker has not given them within `START_SECONDS_MAX`; the job then starts again.
        """
        if self._thread is not None:
            return
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._is_read(deadline):
            if time.monotonic() > deadline:
                raise NoRecordsFaultError(f"the entries of lists on the topic {self._topic} were not read within {START_SECONDS_MAX:g} s")
        self._thread = threading.Thread(target=self._follow, name="entries", daemon=True)
        self._thread.start()

    def take(self) -> list[Change]:
        """Returns the changes that came since the last call, in the order of their records."""
        return [self._changes.popleft() for _ in range(len(self._changes))]

    def close(self) -> None:
        """Ends the thread and closes the connection."""
        self._stopping = True
        if self._thread is not None:
            self._thread.join()
        if self._consumer is not None:
            self._consumer.close()

    def _is_read(self, deadline: float) -> bool:
        """Reads from the oldest record to where the topic ends now; False where the broker does not answer."""
        if self._consumer is None:
            rules = {"group.id": "weir-entries", "enable.auto.commit": False, "enable.partition.eof": True, "fetch.min.bytes": 1}
            self._consumer = Consumer({**self._connection, **rules})
        place = TopicPartition(self._topic, 0)
        try:
            low, high = self._consumer.get_watermark_offsets(place, timeout=_ANSWER_SECONDS)
            place.offset = low
            self._changes.clear()
            self._consumer.assign([place])
            while low < high and time.monotonic() < deadline:
                low = max(low, self._next())
        except KafkaException as error:
            log.warning("the entries of lists cannot be read, and are tried again: %s", error)
            time.sleep(_POLL_SECONDS)
            return False
        return bool(low >= high)

    def _next(self) -> int:
        """Takes in the records that are there, and returns the offset up to which they reach; 0 for none."""
        assert self._consumer is not None
        reached = 0
        for message in self._consumer.consume(BATCH_MAX, _POLL_SECONDS):
            offset = message.offset() or 0
            if is_end(message):
                reached = max(reached, offset)  # the offsets before the end may hold no record but the marker of a transaction
            elif message.error():
                log.warning("the broker reports an error for the topic of entries: %s", message.error())
            else:
                reached = offset + 1
                change = read_record(message.key(), message.value(), offset).change
                if change is not None:
                    self._changes.append(change)
        return reached

    def _follow(self) -> None:
        while not self._stopping:
            try:
                self._next()
            except Exception as error:  # no error may end the following before the task ends
                log.error("the entries of lists could not be read, and are tried again: %s: %s", type(error).__name__, error)
                time.sleep(_POLL_SECONDS)


def make_feed(connection: Connection, topic: str) -> KafkaEntryFeed:
    """Makes the feed as the score job asks for it, not started."""
    return KafkaEntryFeed(connection, topic)
