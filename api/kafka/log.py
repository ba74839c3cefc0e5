"""The log that events, labels and definitions are written to, as the API sees it."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from pipeline.control.kafka_access import Connection

MESSAGE_BYTES_MAX = 16_777_216
_POLL_SECONDS = 0.1
_FULL_SECONDS = 0.001

KafkaHeaders = Sequence[tuple[str, bytes]]


class LogUnavailableError(Exception):
    """The log does not take a record now; the caller may try again."""


class Log(Protocol):
    """Where records go, in order for one key."""

    def produce(self, topic: str, key: str, value: bytes, headers: KafkaHeaders = ()) -> None:
        """Hands a record over and returns at once.

        Raises:
            LogUnavailableError: too many records wait for the broker.
        """

    async def deliver(self, topic: str, key: str, value: bytes | None) -> None:
        """Returns when the broker has the record; None takes the record of `key` off a compacted topic.

        Raises:
            LogUnavailableError: it does not take it within some seconds.
        """

    async def deliver_all(self, topic: str, records: Iterable[tuple[str, bytes | None]]) -> int:
        """As `deliver`, of many records in their order, which are gone through in a thread. Gives the offset behind the last one.

        Raises:
            LogUnavailableError: it does not take all of them; it has some of them, or none.
        """


class KafkaLog:
    """A `Log` on a Kafka broker. Its callbacks run in a thread of its own.

    Args:
        broker: how to reach it, as `connection_of` gives it.
        acks: ``1``: the leader has it; ``all``: every replica in step has it, and no retry writes it twice.
        seconds_max: for how long a record is tried.
    """

    def __init__(self, broker: Connection, acks: str, seconds_max: float = 10.0) -> None:
        self._producer = Producer(
            {
                **broker,
                "acks": acks,
                "enable.idempotence": acks == "all",
                "linger.ms": 0,
                "message.max.bytes": MESSAGE_BYTES_MAX,
                "message.timeout.ms": int(seconds_max * 1000),
                "socket.nagle.disable": True,
                "log_level": 4,
            }
        )
        self._stopping = False
        self._thread = threading.Thread(target=self._poll, name=f"log-acks-{acks}", daemon=True)
        self._thread.start()

    def produce(self, topic: str, key: str, value: bytes, headers: KafkaHeaders = ()) -> None:
        """See `Log.produce`. What the broker refuses later is lost unseen: the caller has to wait for another sign."""
        self._hand_over(topic, key, value, headers=list(headers))

    async def deliver(self, topic: str, key: str, value: bytes | None) -> None:
        """See `Log.deliver`. The broker's word comes in the thread and is handed to the event loop."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def delivered(error: KafkaError | None, message: Message) -> None:
            loop.call_soon_threadsafe(_settle, done, error)

        self._hand_over(topic, key, value, on_delivery=delivered)
        await done

    async def deliver_all(self, topic: str, records: Iterable[tuple[str, bytes | None]]) -> int:
        """See `Log.deliver_all`. While the producer's queue is full it waits; some 4 µs a record."""
        return await asyncio.to_thread(self._deliver_all, topic, records)

    def reaches_broker(self, seconds: float) -> str:
        """Asks the broker for its topics: '' when it answers within `seconds`, else why not. Blocks."""
        try:
            self._producer.list_topics(timeout=seconds)
        except KafkaException as error:
            return str(error.args[0].str())
        return ""

    def close(self, seconds: float = 5.0) -> None:
        """Waits up to `seconds` for what is under way and ends the thread."""
        self._producer.flush(seconds)
        self._stopping = True
        self._thread.join()

    def _deliver_all(self, topic: str, records: Iterable[tuple[str, bytes | None]]) -> int:
        batch = _Batch()
        for key, value in records:
            while not batch.failed:
                try:
                    self._producer.produce(topic, value, key, on_delivery=batch.note)
                    batch.sent += 1
                    break
                except BufferError:
                    time.sleep(_FULL_SECONDS)
                except KafkaException as error:
                    batch.failed = str(error.args[0].str())
        while batch.noted < batch.sent:  # each record has its word within the message's timeout
            time.sleep(_FULL_SECONDS)
        if batch.failed:
            raise LogUnavailableError(batch.failed)
        return batch.end

    def _hand_over(self, topic: str, key: str, value: bytes | None, **more: Any) -> None:
        try:
            self._producer.produce(topic, value, key, **more)
        except BufferError as error:
            raise LogUnavailableError("too many records wait for the broker") from error
        except KafkaException as error:
            raise LogUnavailableError(str(error.args[0].str())) from error

    def _poll(self) -> None:
        while not self._stopping:
            self._producer.poll(_POLL_SECONDS)


class _Batch:
    """How many records of a batch were sent, and of how many the broker's word came, both counted by one thread each."""

    def __init__(self) -> None:
        self.sent = 0
        self.noted = 0
        self.end = 0
        self.failed = ""

    def note(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed = error.str()
        else:
            self.end = max(self.end, (message.offset() or 0) + 1)
        self.noted += 1


def _settle(done: asyncio.Future[None], error: KafkaError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(LogUnavailableError(error.str()))


Clock = Callable[[], float]
"""Seconds since the epoch."""
