"""Follows all partitions of a topic in a thread for as long as the process lives, without a consumer group and its rebalances."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from foundation.refusal import Refusal
from pipeline.control.kafka_access import Connection, open_consumer, wait_seconds_of, wake
from pipeline.control.topic_clients import TopicMessage

log = logging.getLogger(__name__)

Record = tuple[str, bytes | None]
"""A key and its value; None means that the key has been deleted from a compacted topic."""
Take = Callable[[Sequence[Record]], None]
BATCH_MAX = 500
_RETRY_SECONDS = 0.2
_START_SECONDS = 30.0


class Following:
    """Follows all partitions of one topic. Call `assign` first, then `start`, and `close` in any case.

    Args:
        broker: the connection to the broker, as `connection_of` gives it.
        topic: the full name of the topic.
        name: a short name for messages.
        take: is called in the event loop with the records of each batch, in order within a partition.
        prefix: only records whose key begins with it are given to `take`.
    """

    def __init__(self, broker: Connection, topic: str, name: str, take: Take, prefix: bytes = b"") -> None:
        self._topic = topic
        self._name = name
        self._take = take
        self._prefix = prefix
        self._stopping = False
        self.starts: list[TopicPartition] = []
        self._at_end: set[int] = set()
        self._thread: threading.Thread | None = None
        rules: dict[str, object] = {**broker, "group.id": f"weir-api-{name}", "enable.auto.commit": False, "log_level": 4}
        # A reply must not wait for more replies, and a definition may be large.
        rules |= {"fetch.min.bytes": 1, "socket.nagle.disable": True, "fetch.message.max.bytes": 16_777_216}
        rules |= {"enable.partition.eof": True}
        self._consumer = open_consumer(rules)

    def assign(self, from_end: bool, back: int = 0) -> list[TopicPartition]:
        """Sets where reading begins: at the oldest records, or `back` records before the end of each partition. Blocks.

        Gives the end offset of each partition that holds records now.

        Raises:
            Refusal: the broker does not answer, or has no such topic.
        """
        try:
            found = self._consumer.list_topics(self._topic, timeout=_START_SECONDS).topics[self._topic]
            if found.error:
                raise KafkaException(found.error)
            starts, ends = [], []
            for number in found.partitions:
                low, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, number), timeout=_START_SECONDS)
                starts.append(TopicPartition(self._topic, number, max(low, high - back) if from_end else low))
                if low < high:
                    ends.append(TopicPartition(self._topic, number, high))
            self._at_end.clear()
            self._consumer.assign(starts)
            self.starts = starts
        except KafkaException as error:
            what, got = f"the topic {self._name} cannot be read", str(error.args[0].str())
            remedy = "check that the broker is up and that weir up has made the topic"
            raise Refusal(what, where=self._topic, expected="a broker with this topic", got=got, remedy=remedy) from error
        return ends

    def read_to(self, ends: list[TopicPartition]) -> list[Record]:
        """Reads all records before `ends`, in order within a partition. Blocks until they are read."""
        found: list[Record] = []
        while not self._has_reached(ends):
            found += self._next(1.0)
        return found

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Starts the thread that follows the topic."""
        self._thread = threading.Thread(target=self._run, args=(loop,), name=self._name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and closes the connections."""
        self._stopping = True
        wake(self._consumer)
        if self._thread is not None:
            self._thread.join()
        self._consumer.close()

    def _has_reached(self, ends: list[TopicPartition]) -> bool:
        """Whether all partitions were read to `ends`.

        The offset alone is not enough: the last offsets may hold no record but the marker of a transaction. So a partition also counts as
        read when the consumer reports its end.
        """
        positions = self._consumer.position([TopicPartition(end.topic, end.partition) for end in ends])
        return all(end.partition in self._at_end or at.offset >= end.offset for at, end in zip(positions, ends, strict=True))

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopping:
            try:
                found = self._next(wait_seconds_of(self._consumer))
            except Exception as error:  # no error may end the following before the process ends
                log.error("the topic %s could not be read, and is tried again: %s: %s", self._name, type(error).__name__, error)
                time.sleep(_RETRY_SECONDS)
                continue
            if found and not loop.is_closed():
                loop.call_soon_threadsafe(self._take, found)

    def _next(self, seconds: float) -> list[Record]:
        # consume() with a timeout waits for a full batch; so this waits for one record and then takes those that are there.
        first = self._consumer.poll(seconds)
        return [] if first is None else self._wanted([first, *self._consumer.consume(BATCH_MAX, 0)])

    def _wanted(self, messages: list[TopicMessage]) -> list[Record]:
        found = []
        for message in messages:
            error = message.error()
            if error and error.code() == KafkaError._PARTITION_EOF:
                self._at_end.add(message.partition() or 0)
                continue
            if error:
                log.warning("the broker reports an error for the topic %s: %s", self._name, error)
                continue
            key = message.key() or b""
            if key.startswith(self._prefix):
                found.append(self._record(message))
        return found

    def _record(self, message: TopicMessage) -> Record:
        return (message.key() or b"").decode(errors="replace"), message.value()
