"""The replies topic, read from its end into the event loop."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from features.refusal import Refusal

log = logging.getLogger(__name__)

Take = Callable[[Sequence[tuple[str, bytes]]], None]
BATCH_MAX = 500
_POLL_SECONDS = 0.2
_START_SECONDS = 30.0


class Replies:
    """Reads, in a thread, the replies whose key begins with the instance's name.

    Partitions are assigned by hand from where they end at the start: no group, no rebalance, nothing old.

    Args:
        bootstrap: host:port of the broker.
        topic: full name of the replies topic.
        instance: name of this process.
        take: is called in the event loop with (key, value) of a batch.
    """

    def __init__(self, bootstrap: str, topic: str, instance: str, take: Take) -> None:
        self._topic = topic
        self._prefix = (instance + "/").encode()
        self._take = take
        self._stopping = False
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "weir-replies",
                "enable.auto.commit": False,
                "fetch.min.bytes": 1,
                "socket.nagle.disable": True,
                "log_level": 4,
            }
        )
        self._thread: threading.Thread | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Reads from now on: a reply to anything sent after the return is seen. Blocks for some ms.

        Raises:
            Refusal: the broker does not answer, or has no such topic.
        """
        try:
            self._consumer.assign(self._ends())
        except KafkaException as error:
            raise Refusal(
                "replies not readable",
                where=self._topic,
                expected="a broker with the topic",
                got=str(error.args[0].str()),
                remedy="is the broker up?",
            ) from error
        self._thread = threading.Thread(target=self._run, args=(loop,), name="replies", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and gives up the connections."""
        self._stopping = True
        if self._thread is not None:
            self._thread.join()
        self._consumer.close()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while not self._stopping:
            # consume() with a timeout would wait for a full batch: so wait for one, then take what is there.
            first = self._consumer.poll(_POLL_SECONDS)
            if first is None:
                continue
            found = self._own([first, *self._consumer.consume(BATCH_MAX, 0)])
            if found and not loop.is_closed():
                loop.call_soon_threadsafe(self._take, found)

    def _own(self, messages: list[Message]) -> list[tuple[str, bytes]]:
        found = []
        for message in messages:
            error = message.error()
            if error:
                log.warning("replies: %s", error)
                continue
            key = message.key() or b""
            if key.startswith(self._prefix):
                found.append((key.decode(errors="replace"), message.value() or b""))
        return found

    def _ends(self) -> list[TopicPartition]:
        partitions = self._consumer.list_topics(self._topic, timeout=_START_SECONDS).topics[self._topic].partitions
        places = [TopicPartition(self._topic, partition) for partition in partitions]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=_START_SECONDS)[1]
        return places
