"""The side jobs make their Kafka consumers and producers here, and read the control topic through `ControlTopic`."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from foundation.settings import Settings
from pipeline.control.definitions import ControlRecord, Definitions, key_text
from pipeline.control.kafka_access import connection_of, open_consumer, open_producer
from pipeline.control.topic_clients import TopicConsumer, TopicMessage, TopicProducer
from pipeline.wire.declaration import Topic

log = logging.getLogger(__name__)

BATCH_MAX = 2_000
MESSAGE_BYTES_MAX = 16_000_000
SECONDS_MAX = 30.0

UNHURRIED = {"fetch.min.bytes": 1_000_000, "fetch.wait.max.ms": 50}
"""Options of a side job's consumer: it fetches records in batches, since single fetches load the broker and so slow down decisions."""
PROMPT = {"fetch.wait.max.ms": 10}
"""Options of a consumer that asks for ends and offsets while it reads: the broker answers one request of a connection after the other, so
that each question waits for the fetch before it, which at the end of a topic is held back for half a second."""

Offsets = dict[str, int]
"""The offset of the next record, by ``topic/partition``."""


def consumer_of(settings: Settings, group: str, **options: object) -> TopicConsumer:
    """Makes a consumer that begins at the oldest record and commits only when `commit` is called.

    Args:
        group: name of the consumer group, without the prefix of topics.
        options: of librdkafka; they replace those chosen here.
    """
    fixed = {
        **connection_of(settings),
        "group.id": f"{settings.topic_prefix}{group}",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        # The broker gives the partitions of a killed process to others only after this time; the client's default is 45 s.
        "session.timeout.ms": 6_000,
        "heartbeat.interval.ms": 2_000,
        # This is a fifth of the default, since records that are fetched ahead take memory.
        "queued.max.messages.kbytes": 13_107,
    }
    return open_consumer(fixed | options)


def producer_of(settings: Settings, **options: object) -> TopicProducer:
    """Makes a producer whose records every in-sync replica acknowledges, in order; its own retries repeat no record.

    Args:
        options: of librdkafka; they replace those chosen here.
    """
    fixed = {
        **connection_of(settings),
        "acks": "all",
        "enable.idempotence": True,
        "message.max.bytes": MESSAGE_BYTES_MAX,
        "linger.ms": 5,
    }
    return open_producer(fixed | options)


class Outbox:
    """Sends records, and knows whether all of them were acknowledged.

    Args:
        producer: nobody else may use it.
    """

    def __init__(self, producer: TopicProducer) -> None:
        self._producer = producer
        self._failed: list[str] = []

    def send(self, topic: str, key: bytes, value: bytes | None, **more: Any) -> None:
        """Queues a record for `topic`, its full name; the value None deletes the key's record. Waits while the queue is full.

        Args:
            more: further arguments of `Producer.produce`.
        """
        while True:
            try:
                self._producer.produce(topic, value, key, on_delivery=self._note, **more)
                return
            except BufferError:
                self._producer.poll(0.1)

    def flush(self) -> None:
        """Returns when every record sent is acknowledged.

        Raises:
            KafkaException: a record was not acknowledged; the caller has to send all records since the last flush again.
        """
        left = self._producer.flush(SECONDS_MAX)
        failed, self._failed = self._failed, []
        if left or failed:
            self._producer.purge()
            self._producer.flush(1)
            self._failed.clear()
            reason = failed[0] if failed else f"the broker did not answer within {SECONDS_MAX:g} s"
            raise KafkaException(f"the broker did not acknowledge {left + len(failed)} records: {reason}")

    def _note(self, error: object, message: TopicMessage) -> None:
        if error is not None:
            self._failed.append(f"{message.topic()}: {error}")


class ControlTopic:
    """Reads definitions and releases from the control topic, for a job that reads other topics in a consumer group.

    Args:
        settings: name the broker and the topic.
    """

    def __init__(self, settings: Settings) -> None:
        self.definitions = Definitions()
        self._consumer = consumer_of(settings, "control-reader", **{"enable.partition.eof": True})
        self._topic = settings.topic("control")
        self._at: int | None = None

    def read_to_end(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Takes in all records that the topic holds at the call; the first call begins at the oldest record.

        Raises:
            KafkaException: the broker does not answer the first call. When it does not answer a later call, that is logged.
        """
        place = TopicPartition(self._topic, 0)
        try:
            low, high = self._consumer.get_watermark_offsets(place, timeout=SECONDS_MAX)
        except KafkaException as error:
            if self._at is None:
                raise
            log.warning("the control topic could not be read; what was known before stays: %s", error)
            return
        if self._at is None:
            self._at = place.offset = low
            self._consumer.assign([place])
        found: list[ControlRecord] = []
        while self._at < high and not stopping():
            for message in next_of(self._consumer, BATCH_MAX, 0.1):
                if is_end(message):
                    self._at = max(self._at, message.offset() or 0)
                elif not message.error():
                    found.append((Topic.CONTROL, key_text(message.key()), message.value()))
                    self._at = (message.offset() or 0) + 1
        self.definitions.take(found)

    def close(self) -> None:
        self._consumer.close()


def next_of(consumer: TopicConsumer, messages_max: int, seconds: float) -> list[TopicMessage]:
    """Gives the messages that are there, at most `messages_max`; waits up to `seconds` for the first one, and for no other.

    `TopicConsumer.consume` with a timeout waits for as many as it may give, which at the end of a topic do not come.
    """
    first = consumer.poll(seconds)
    return [] if first is None else [first, *consumer.consume(messages_max - 1, 0)]


def gathered(consumer: TopicConsumer, messages_max: int, seconds: float) -> Iterator[list[TopicMessage]]:
    """Yields in parts the records that are there, at most `messages_max`; waits up to `seconds` for the first one, and for no other."""
    left = messages_max
    while left > 0 and (messages := next_of(consumer, min(left, BATCH_MAX), seconds)):
        good = [message for message in messages if not message.error()]
        left, seconds = left - len(good), 0.0
        yield good


def read_until(
    consumer: TopicConsumer, starts: Offsets, ends: Offsets, take: Callable[[list[TopicMessage]], None], stopping: Callable[[], bool]
) -> None:
    """Passes to `take`, in batches, the records of each ``topic/partition`` of `ends`, until all ends are reached or `stopping`.

    Args:
        consumer: needs ``enable.partition.eof``: the last records before an end may be invisible (markers of transactions).
        starts: the first offset of each partition, inclusive; a missing one means the oldest record.
        ends: the last offset of each partition, exclusive.
        take: is called with each batch, which may be empty.
        stopping: whether to return before the ends are reached.
    """
    left = {place: end for place, end in ends.items() if starts.get(place, 0) < end}
    consumer.assign([TopicPartition(*partition_of(place), starts.get(place, OFFSET_BEGINNING)) for place in left])
    while left and not stopping():
        taken: list[TopicMessage] = []
        for message in next_of(consumer, BATCH_MAX, 0.5):
            place, offset = place_of(message), message.offset() or 0
            if message.error() and not is_end(message):
                log.warning("the consumer reports an error: %s", message.error())
            elif is_end(message) or offset >= ends.get(place, 0):
                left.pop(place, None)
            else:
                taken.append(message)
                if offset + 1 >= ends[place]:
                    left.pop(place, None)
        take(taken)


def ends_of(consumer: TopicConsumer, topics: list[str]) -> Offsets:
    """Asks the broker for the end offset, exclusive, of each partition of `topics`, which are full names."""
    ends = {}
    for topic in topics:
        for partition in consumer.list_topics(topic, timeout=SECONDS_MAX).topics[topic].partitions:
            place = TopicPartition(topic, partition)
            ends[f"{topic}/{partition}"] = consumer.get_watermark_offsets(place, timeout=SECONDS_MAX)[1]
    return ends


def is_end(message: TopicMessage) -> bool:
    """Whether `message` is no record but says that the end of its partition is reached for now."""
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def place_of(message: TopicMessage) -> str:
    """Gives the ``topic/partition`` of a record."""
    return f"{message.topic()}/{message.partition()}"


def partition_of(place: str) -> tuple[str, int]:
    """Splits a ``topic/partition`` into topic and partition."""
    topic, _, partition = place.rpartition("/")
    return topic, int(partition)
