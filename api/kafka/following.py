"""A topic read partition by partition, in a thread, for as long as the process lives: no group, no rebalance."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from foundation.refusal import Refusal
from pipeline.control.kafka_access import Connection

log = logging.getLogger(__name__)

Record = tuple[str, bytes | None]
"""Key and value; None: the key has no record any more."""
Take = Callable[[Sequence[Record]], None]
BATCH_MAX = 500
_POLL_SECONDS = 0.2
_START_SECONDS = 30.0


class Following:
    """All partitions of one topic. First `assign`, then `start`; `close` in any case.

    Args:
        broker: how to reach it, as `connection_of` gives it.
        topic: full name.
        name: short one, for messages.
        take: is called in the event loop with the records of a batch, in order.
        prefix: of the keys that are wanted; others are passed over.
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
        # A bundle of replies must not wait for another; a definition may be large.
        rules |= {"fetch.min.bytes": 1, "socket.nagle.disable": True, "fetch.message.max.bytes": 16_777_216}
        rules |= {"enable.partition.eof": True}
        self._consumer = Consumer(rules)

    def assign(self, from_end: bool, back: int = 0) -> list[TopicPartition]:
        """Reads from the oldest records on, or from those that come after the return and the `back` before them. Blocks.

        Gives the end of each partition that holds records now.

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
            what, got = f"{self._name} not readable", str(error.args[0].str())
            raise Refusal(what, where=self._topic, expected="a broker with the topic", got=got, remedy="is the broker up?") from error
        return ends

    def read_to(self, ends: list[TopicPartition]) -> list[Record]:
        """The records before `ends`, in order within a partition. Blocks."""
        found: list[Record] = []
        while not self._has_reached(ends):
            found += self._next(1.0)
        return found

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follows on, in a thread."""
        self._thread = threading.Thread(target=self._run, args=(loop,), name=self._name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and gives up the connections."""
        self._stopping = True
        if self._thread is not None:
            self._thread.join()
        self._consumer.close()

    def _has_reached(self, ends: list[TopicPartition]) -> bool:
        """By offset, or by the consumer's word: what stands before an end may be no record, such as the marker of a transaction."""
        places = self._consumer.position([TopicPartition(end.topic, end.partition) for end in ends])
        return all(end.partition in self._at_end or place.offset >= end.offset for place, end in zip(places, ends, strict=True))

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopping:
            try:
                found = self._next(_POLL_SECONDS)
            except Exception as error:  # whatever it is: following ends with the process and not before
                log.error("%s: %s: %s", self._name, type(error).__name__, error)
                time.sleep(_POLL_SECONDS)
                continue
            if found and not loop.is_closed():
                loop.call_soon_threadsafe(self._take, found)

    def _next(self, seconds: float) -> list[Record]:
        # consume() with a timeout would wait for a full batch: so wait for one, then take what is there.
        first = self._consumer.poll(seconds)
        return [] if first is None else self._wanted([first, *self._consumer.consume(BATCH_MAX, 0)])

    def _wanted(self, messages: list[Message]) -> list[Record]:
        found = []
        for message in messages:
            error = message.error()
            if error and error.code() == KafkaError._PARTITION_EOF:
                self._at_end.add(message.partition() or 0)
                continue
            if error:
                log.warning("%s: %s", self._name, error)
                continue
            key = message.key() or b""
            if key.startswith(self._prefix):
                found.append(self._record(message))
        return found

    def _record(self, message: Message) -> Record:
        return (message.key() or b"").decode(errors="replace"), message.value()
