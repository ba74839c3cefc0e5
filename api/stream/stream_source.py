"""The topic of decisions as the source of the stream; it is followed from a little before its end."""

import asyncio
from collections.abc import Sequence

from confluent_kafka import Message

from api.http.problem import Problem
from api.kafka.following import Following, Record
from api.stream.stream import PositionedRecord, Stream
from foundation.refusal import Refusal
from pipeline.control.kafka_access import Connection

BACK = 500
"""So many decisions of each partition from before the first watcher came are kept for watchers that reconnect after a restart."""


class TopicSource:
    """Follows the topic of decisions; see `api.stream.stream.Source`.

    Args:
        broker: the connection to the broker, as `connection_of` gives it.
        topic: the full name of the topic of decisions.
    """

    def __init__(self, broker: Connection, topic: str) -> None:
        self._broker = broker
        self._topic = topic
        self._following: _Following | None = None

    async def open(self, stream: Stream) -> None:
        following = _Following(self._broker, self._topic, stream)
        try:
            starts, before = await asyncio.to_thread(following.begin)
        except Refusal as refusal:
            await asyncio.to_thread(following.close)
            raise Problem(503, f"the topic of decisions cannot be read: {refusal}", [(b"retry-after", b"1")]) from refusal
        stream.begin(starts)
        stream.take(before)
        following.start(asyncio.get_running_loop())
        self._following = following

    async def close(self) -> None:
        following, self._following = self._following, None
        if following is not None:
            await asyncio.to_thread(following.close)


class _Following(Following):
    """Follows the topic and gives each record with its position in place of its key."""

    def __init__(self, broker: Connection, topic: str, stream: Stream) -> None:
        super().__init__(broker, topic, "decisions", self._hand_over)
        self._stream = stream

    def begin(self) -> tuple[dict[int, int], list[PositionedRecord]]:
        """The offset at which each partition begins for watchers, and the decisions that are there already. Blocks."""
        ends = self.assign(from_end=True, back=BACK)
        starts = {position.partition: position.offset for position in self.starts}
        return starts, _positioned(self.read_to(ends))

    def _hand_over(self, records: Sequence[Record]) -> None:
        if not self._stopping:
            self._stream.take(_positioned(records))

    def _record(self, message: Message) -> Record:
        return f"{message.partition()}:{message.offset()}", message.value() or b""


def _positioned(records: Sequence[Record]) -> list[PositionedRecord]:
    positions = ((key.partition(":"), value) for key, value in records)
    return [((int(partition), int(offset)), value or b"") for (partition, _, offset), value in positions]
