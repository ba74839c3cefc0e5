"""Consumers and producers of the side jobs, and the control topic as they follow it."""

import logging
from collections.abc import Callable

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from foundation.settings import Settings
from pipeline.control.definitions import ControlRecord, Definitions, key_text
from pipeline.control.kafka_access import connection_of
from pipeline.wire.declaration import Topic

log = logging.getLogger(__name__)

BATCH_MAX = 2_000
MESSAGE_BYTES_MAX = 16_000_000
SECONDS_MAX = 30.0

UNHURRIED = {"fetch.min.bytes": 1_000_000, "fetch.wait.max.ms": 50}
"""Options of a side job's consumer: to fetch each record as it comes costs the broker, and so the decisions, more than the work."""

Offsets = dict[str, int]
"""Next record by ``topic/partition``."""


def consumer_of(settings: Settings, group: str, **options: object) -> Consumer:
    """A consumer that begins at the oldest record and commits only when told to."""
    fixed = {
        **connection_of(settings),
        "group.id": f"{settings.topic_prefix}{group}",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        # A killed process holds its partitions for so long; the client's default is 45 s.
        "session.timeout.ms": 6_000,
        "heartbeat.interval.ms": 2_000,
        # A fifth of the default: what is fetched ahead is memory.
        "queued.max.messages.kbytes": 13_107,
    }
    return Consumer(fixed | options)


def producer_of(settings: Settings, **options: object) -> Producer:
    """A producer whose records are acknowledged by every replica, in order and without repeats of its own."""
    fixed = {
        **connection_of(settings),
        "acks": "all",
        "enable.idempotence": True,
        "message.max.bytes": MESSAGE_BYTES_MAX,
        "linger.ms": 5,
    }
    return Producer(fixed | options)


class Outbox:
    """Sends records and knows whether all of them were acknowledged.

    Args:
        producer: its alone.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._failed: list[str] = []

    def send(self, topic: str, key: bytes, value: bytes | None) -> None:
        """Takes a record, without a value one that takes the key's record away; waits while the producer's queue is full."""
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=self._note)
                return
            except BufferError:
                self._producer.poll(0.1)

    def flush(self) -> None:
        """Returns when every record sent is acknowledged.

        Raises:
            KafkaException: one was not; all since the last flush are to be sent again.
        """
        left = self._producer.flush(SECONDS_MAX)
        failed, self._failed = self._failed, []
        if left or failed:
            self._producer.purge()
            self._producer.flush(1)
            self._failed.clear()
            raise KafkaException(f"{left + len(failed)} records not acknowledged: {failed[0] if failed else 'no answer in time'}")

    def _note(self, error: object, message: Message) -> None:
        if error is not None:
            self._failed.append(f"{message.topic()}: {error}")


class ControlTopic:
    """The definitions and releases on the control topic, for a job that reads other topics in a group.

    Args:
        settings: where the broker is.
    """

    def __init__(self, settings: Settings) -> None:
        self.definitions = Definitions()
        self._consumer = consumer_of(settings, "control-reader", **{"enable.partition.eof": True})
        self._topic = settings.topic("control")
        self._at: int | None = None

    def read_to_end(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Takes in all that is there at the call; the first call begins at the oldest record.

        Raises:
            KafkaException: the broker does not answer the first call; later ones leave it at what is known.
        """
        place = TopicPartition(self._topic, 0)
        try:
            low, high = self._consumer.get_watermark_offsets(place, timeout=SECONDS_MAX)
        except KafkaException as error:
            if self._at is None:
                raise
            log.warning("the control topic is not read: %s", error)
            return
        if self._at is None:
            self._at = place.offset = low
            self._consumer.assign([place])
        found: list[ControlRecord] = []
        while self._at < high and not stopping():
            for message in self._consumer.consume(BATCH_MAX, 0.1):
                if is_end(message):
                    self._at = max(self._at, message.offset() or 0)
                elif not message.error():
                    found.append((Topic.CONTROL, key_text(message.key()), message.value()))
                    self._at = (message.offset() or 0) + 1
        self.definitions.take(found)

    def close(self) -> None:
        self._consumer.close()


def read_until(
    consumer: Consumer, starts: Offsets, ends: Offsets, take: Callable[[list[Message]], None], stopping: Callable[[], bool]
) -> None:
    """Gives `take` the records of each place of `ends` from its start (else the oldest) up to its end, which is left out.

    The consumer has to be one with ``enable.partition.eof``: it alone tells of an end behind which no record will be given out.
    """
    left = {place: end for place, end in ends.items() if starts.get(place, 0) < end}
    consumer.assign([TopicPartition(*partition_of(place), starts.get(place, OFFSET_BEGINNING)) for place in left])
    while left and not stopping():
        taken: list[Message] = []
        for message in consumer.consume(BATCH_MAX, 0.5):
            place, offset = place_of(message), message.offset() or 0
            if message.error() and not is_end(message):
                log.warning("consumer: %s", message.error())
            elif is_end(message) or offset >= ends.get(place, 0):
                left.pop(place, None)
            else:
                taken.append(message)
                if offset + 1 >= ends[place]:
                    left.pop(place, None)
        take(taken)


def ends_of(consumer: Consumer, topics: list[str]) -> Offsets:
    """The end of each partition of `topics`."""
    ends = {}
    for topic in topics:
        for partition in consumer.list_topics(topic, timeout=SECONDS_MAX).topics[topic].partitions:
            place = TopicPartition(topic, partition)
            ends[f"{topic}/{partition}"] = consumer.get_watermark_offsets(place, timeout=SECONDS_MAX)[1]
    return ends


def is_end(message: Message) -> bool:
    """Whether it only says that there is nothing more for now."""
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def place_of(message: Message) -> str:
    """``topic/partition`` of a record."""
    return f"{message.topic()}/{message.partition()}"


def partition_of(place: str) -> tuple[str, int]:
    """Topic and partition of ``topic/partition``."""
    topic, _, partition = place.rpartition("/")
    return topic, int(partition)
