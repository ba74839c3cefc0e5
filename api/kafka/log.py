"""The log, that is the topics, to which the API writes events, labels and definitions."""

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
    """The broker does not take a record now; the caller may try again."""


class LogFullError(LogUnavailableError):
    """As many records wait as may; the caller may try again in a moment."""


class Log(Protocol):
    """Writes records to topics; records with the same key keep their order."""

    def produce(self, topic: str, key: str, value: bytes, headers: KafkaHeaders = ()) -> None:
        """Queues a record and returns at once.

        Raises:
            LogUnavailableError: too many records are waiting for the broker.
        """

    async def deliver(self, topic: str, key: str, value: bytes | None) -> None:
        """Writes a record and returns when the broker has it; the value None deletes `key` from a compacted topic.

        Raises:
            LogUnavailableError: the broker does not take it within some seconds.
        """

    async def deliver_all(self, topic: str, records: Iterable[tuple[str, bytes | None]]) -> int:
        """Writes many records in their order, like `deliver`; gives the offset after the last one. `records` is iterated in a thread.

        Raises:
            LogUnavailableError: the broker has not taken all of them; it may have taken some.
        """


class KafkaLog:
    """A `Log` on a Kafka broker. Its callbacks run in a thread of its own.

    Args:
        broker: the connection to the broker, as `connection_of` gives it.
        acks: when the broker has a record: with ``1`` when the partition's leader has it; with ``all`` when every in-sync replica has
            it, and then no retry writes it twice.
        seconds_max: for how long a record is retried.
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
        """See `Log.produce`. A record that the broker refuses later is lost without an error, so the caller has to wait for a reply."""
        self._hand_over(topic, key, value, headers=list(headers))

    async def deliver(self, topic: str, key: str, value: bytes | None) -> None:
        """See `Log.deliver`. The acknowledgement arrives in the thread and is passed to the event loop."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def delivered(error: KafkaError | None, message: Message) -> None:
            loop.call_soon_threadsafe(_resolve, done, error)

        self._hand_over(topic, key, value, on_delivery=delivered)
        await done

    async def deliver_all(self, topic: str, records: Iterable[tuple[str, bytes | None]]) -> int:
        """See `Log.deliver_all`. It waits while the producer's queue is full, and costs about 4 µs for each record."""
        return await asyncio.to_thread(self._deliver_all, topic, records)

    async def takes_records(self, seconds: float) -> str:
        """Asks the broker for its topics; gives '' when it answers within `seconds`, and otherwise the error."""
        return await asyncio.to_thread(self._problem_of_broker, seconds)

    def _problem_of_broker(self, seconds: float) -> str:
        try:
            self._producer.list_topics(timeout=seconds)
        except KafkaException as error:
            return str(error.args[0].str())
        return ""

    def close(self, seconds: float = 5.0) -> None:
        """Waits up to `seconds` for records that are being sent, and ends the thread."""
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
        while batch.acknowledged < batch.sent:  # each record is acknowledged or fails within the message's timeout
            time.sleep(_FULL_SECONDS)
        if batch.failed:
            raise LogUnavailableError(batch.failed)
        return batch.end

    def _hand_over(self, topic: str, key: str, value: bytes | None, **more: Any) -> None:
        try:
            self._producer.produce(topic, value, key, **more)
        except BufferError as error:
            raise LogUnavailableError("too many records are waiting for the broker") from error
        except KafkaException as error:
            raise LogUnavailableError(str(error.args[0].str())) from error

    def _poll(self) -> None:
        while not self._stopping:
            self._producer.poll(_POLL_SECONDS)


class _Batch:
    """How many records of a batch were sent and how many were acknowledged or failed; each is counted by one thread only."""

    def __init__(self) -> None:
        self.sent = 0
        self.acknowledged = 0
        self.end = 0
        self.failed = ""

    def note(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed = error.str()
        else:
            self.end = max(self.end, (message.offset() or 0) + 1)
        self.acknowledged += 1


def _resolve(done: asyncio.Future[None], error: KafkaError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(LogUnavailableError(error.str()))


Clock = Callable[[], float]
"""A function that gives a time in seconds; by default since the epoch."""
