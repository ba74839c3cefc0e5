"""The topic ``entries`` on a Kafka broker: followed record by record, and written."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from api.kafka.following import Following, Record
from api.kafka.log import Log, LogUnavailableError
from patterns.entries import Change, Placed, read_record
from pipeline.control.kafka_access import Connection
from pipeline.control.sole_writer import SoleWriter

log = logging.getLogger(__name__)

Written = Iterable[tuple[str, bytes | None]]
Said = TypeVar("Said")
SECONDS_MAX = 10.0


class EntryTopic(Protocol):
    """Where entries are kept. Whoever follows it is given each record at its offset, in order, by `Entries.take`."""

    async def end(self) -> int:
        """The offset behind the last record that can be read now.

        Raises:
            LogUnavailableError: the topic does not answer.
        """
        ...

    async def write(self, changes: Sequence[Change]) -> int:
        """Returns the offset behind the last of `changes` when every replica has all of them.

        Raises:
            LogUnavailableError: it does not take them; it has some of them, or none.
        """
        ...

    async def begin_alone(self) -> None:
        """Makes this process the one whose `commit_alone` counts, and that of no process which called this before.

        Raises:
            LogUnavailableError: the topic does not answer.
        """
        ...

    async def commit_alone(self, records: Written) -> None:
        """Writes `records` (key and value) when no other process called `begin_alone` since this one did; all of them, or none.

        Raises:
            LogUnavailableError: another process did, or the topic takes nothing now.
        """
        ...


class KafkaEntryTopic:
    """See `EntryTopic`.

    Args:
        following: of the topic, by which its end is asked for.
        log: whose records every replica has.
        topic: full name.
        writer: to that topic.
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
    """Follows the one partition of the topic, and reads its records in its own thread: a million of them must hold up no decision.

    A record that is none of an entry is told to the log and passed over.

    Args:
        take: is called in the event loop.
    """

    def __init__(self, broker: Connection, topic: str, take: Callable[[Sequence[Placed]], None]) -> None:
        super().__init__(broker, topic, "entries", lambda records: None)
        self._take_placed = take
        self._loop: asyncio.AbstractEventLoop | None = None
        # On the connection of who follows, the broker answers nothing before the next record comes, or half a second has passed.
        # What a transaction wrote counts before its marker stands behind it: whoever waits for that end reads what was committed.
        rules: dict[str, object] = {"enable.auto.commit": False, "isolation.level": "read_uncommitted", "log_level": 4}
        self._asking = Consumer({**broker, "group.id": "weir-api-entries-end", **rules})

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        super().start(loop)

    def end(self) -> int:
        """The offset behind the last record that can be read now. Blocks.

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
    """The record, or how far the topic was read where `message` only says that there is no more for now."""
    error, offset = message.error(), message.offset() or 0
    if error and error.code() == KafkaError._PARTITION_EOF:
        return Placed(offset - 1, None)  # what stands before it may be no record, such as the marker of a transaction
    if error:
        log.warning("entries: %s", error)
        return None
    return read_record(message.key(), message.value(), offset)


async def _answered(ask: Callable[[], Said]) -> Said:
    try:
        return await asyncio.to_thread(ask)
    except KafkaException as error:
        raise LogUnavailableError(f"the topic of entries: {error.args[0].str()}") from error
