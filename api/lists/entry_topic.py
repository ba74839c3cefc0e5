"""The topic ``entries`` on a Kafka broker: following it and writing to it."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from api.kafka.following import Following, Record
from api.kafka.log import Log, LogUnavailableError
from patterns.entries import Change, Placed, read_record
from pipeline.control.kafka_access import Connection, open_consumer
from pipeline.control.sole_writer import SoleWriter

log = logging.getLogger(__name__)

Written = Iterable[tuple[str, bytes | None]]
Said = TypeVar("Said")
SECONDS_MAX = 10.0


class EntryTopic(Protocol):
    """The topic that holds the entries. `Entries.take` gets each record with its offset, in order."""

    async def end(self) -> int:
        """The offset after the last record that can be read now.

        Raises:
            LogUnavailableError: the broker does not answer.
        """
        ...

    async def write(self, changes: Sequence[Change]) -> int:
        """Writes `changes`; returns the offset after the last one when every replica has all of them.

        Raises:
            LogUnavailableError: the broker has not taken all of them; it may have taken some.
        """
        ...

    async def begin_alone(self) -> None:
        """Makes this process the only one that can call `commit_alone`; processes that called this before no longer can.

        Raises:
            LogUnavailableError: the broker does not answer.
        """
        ...

    async def commit_alone(self, records: Written) -> None:
        """Writes all of `records` (key and value) or none, if no other process has called `begin_alone` since this one did.

        Raises:
            LogUnavailableError: another process has called it, or the broker takes nothing now.
        """
        ...


class KafkaEntryTopic:
    """An `EntryTopic` on a Kafka broker.

    Args:
        following: follows the topic, and knows its end.
        log: a log whose records every replica has.
        topic: the full name of the topic.
        writer: the writer for `begin_alone` and `commit_alone`.
    """

    def __init__(self, following: "EntryFollowing", log: Log, topic: str, writer: SoleWriter) -> None:
        self._following = following
        self._log = log
        self._topic = topic
        self._writer = writer

    async def end(self) -> int:
        return await _answered(self._following.end)

    async def write(self, changes: Sequence[Change]) -> int:
        return await self._log.deliver_all(self._topic, (change.record() for change in changes))

    async def begin_alone(self) -> None:
        await _answered(self._writer.begin)

    async def commit_alone(self, records: Written) -> None:
        try:
            await _answered(lambda: self._writer.commit(records))
        finally:
            await asyncio.to_thread(self._writer.close)


class EntryFollowing(Following):
    """Follows the only partition of the topic and parses its records in its own thread, so that a million of them delay no decision.

    A record that is not an entry is logged and passed over.

    Args:
        take: is called in the event loop with the records of each batch, in order.
    """

    def __init__(self, broker: Connection, topic: str, take: Callable[[Sequence[Placed]], None]) -> None:
        super().__init__(broker, topic, "entries", lambda records: None)
        self._take_placed = take
        self._loop: asyncio.AbstractEventLoop | None = None
        # The end is asked for on a connection of its own: on that of the follower, the broker answers only after the next record or
        # half a second. Uncommitted records count, so that whoever waits for the end also reads a transaction that is being committed.
        rules: dict[str, object] = {"enable.auto.commit": False, "isolation.level": "read_uncommitted", "log_level": 4}
        self._asking = open_consumer({**broker, "group.id": "weir-api-entries-end", **rules})

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        super().start(loop)

    def end(self) -> int:
        """The offset after the last record that can be read now. Blocks.

        Raises:
            KafkaException: the broker does not answer.
        """
        return int(self._asking.get_watermark_offsets(TopicPartition(self._topic, 0), timeout=SECONDS_MAX)[1])

    def close(self) -> None:
        super().close()
        self._asking.close()

    def _wanted(self, messages: list[Message]) -> list[Record]:
        found = [record for message in messages if (record := _read(message)) is not None]
        if found and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take_placed, found)
        return []


def _read(message: Message) -> Placed | None:
    """The record in `message`, or only the offset that was reached when `message` reports the end of the topic."""
    error, offset = message.error(), message.offset() or 0
    if error and error.code() == KafkaError._PARTITION_EOF:
        return Placed(offset - 1, None)  # the offsets before the end may hold no record but the marker of a transaction
    if error:
        log.warning("the broker reports an error for the topic of entries: %s", error)
        return None
    return read_record(message.key(), message.value(), offset)


async def _answered(ask: Callable[[], Said]) -> Said:
    try:
        return await asyncio.to_thread(ask)
    except KafkaException as error:
        raise LogUnavailableError(f"the topic of entries does not answer: {error.args[0].str()}") from error
