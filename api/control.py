"""The control topic as the API follows it: definitions and releases by whomever made, and marks of partitions caught up."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition

from features.refusal import Refusal

log = logging.getLogger(__name__)

Take = Callable[[Sequence[tuple[str, bytes]]], None]
BATCH_MAX = 500
_POLL_SECONDS = 0.2
_START_SECONDS = 30.0


class Control:
    """Reads the topic from its beginning, first to its end, then in a thread for as long as the process lives.

    Args:
        bootstrap: host:port of the broker.
        topic: full name of the control topic; of one partition.
        take: is called in the event loop with (key, value) of a batch, in order.
    """

    def __init__(self, bootstrap: str, topic: str, take: Take) -> None:
        self._place = TopicPartition(topic, 0)
        self._take = take
        self._stopping = False
        self._thread: threading.Thread | None = None
        rules = {"bootstrap.servers": bootstrap, "group.id": "weir-api-control", "enable.auto.commit": False, "log_level": 4}
        self._consumer = Consumer(rules | {"enable.partition.eof": False, "fetch.message.max.bytes": 16_777_216})

    def read_to_end(self) -> list[tuple[str, bytes]]:
        """All records that are there now, in order. Blocks.

        Raises:
            Refusal: the broker does not answer, or has no such topic.
        """
        found: list[tuple[str, bytes]] = []
        try:
            low, high = self._consumer.get_watermark_offsets(self._place, timeout=_START_SECONDS)
            self._place.offset = low
            self._consumer.assign([self._place])
            while low < high and self._consumer.position([self._place])[0].offset < high:
                found += self._next(1.0)
        except KafkaException as error:
            expected, got = "a broker with the topic", str(error.args[0].str())
            raise Refusal(
                "control not readable", where=self._place.topic, expected=expected, got=got, remedy="is the broker up?"
            ) from error
        return found

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follows on from where `read_to_end` stopped."""
        self._thread = threading.Thread(target=self._run, args=(loop,), name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and gives up the connections."""
        self._stopping = True
        if self._thread is not None:
            self._thread.join()
        self._consumer.close()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopping:
            found = self._next(_POLL_SECONDS)
            if found and not loop.is_closed():
                loop.call_soon_threadsafe(self._take, found)

    def _next(self, seconds: float) -> list[tuple[str, bytes]]:
        first = self._consumer.poll(seconds)
        if first is None:
            return []
        found = []
        for message in [first, *self._consumer.consume(BATCH_MAX, 0)]:
            error = message.error()
            if error:
                log.warning("control: %s", error)
            else:
                found.append(((message.key() or b"").decode(errors="replace"), message.value() or b""))
        return found
