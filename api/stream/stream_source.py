"""The topic of decisions as a `Source`: followed from a little before its end."""

import asyncio
from collections.abc import Sequence

from confluent_kafka import Message

from api.http.problem import Problem
from api.kafka.following import Following, Record
from api.stream.stream import Placed, Stream
from foundation.refusal import Refusal
from pipeline.control.kafka_access import Connection

BACK = 500
"""Decisions of each partition from before the first watcher came: for one that comes back after a restart."""


class TopicSource:
    """See `Source`.

    Args:
        broker: how to reach it, as `connection_of` gives it.
        topic: full name.
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
            raise Problem(503, f"decisions cannot be followed: {refusal}", [(b"retry-after", b"1")]) from refusal
        stream.begin(starts)
        stream.take(before)
        following.start(asyncio.get_running_loop())
        self._following = following

    async def close(self) -> None:
        following, self._following = self._following, None
        if following is not None:
            await asyncio.to_thread(following.close)


class _Following(Following):
    """Hands over places in place of keys."""

    def __init__(self, broker: Connection, topic: str, stream: Stream) -> None:
        super().__init__(broker, topic, "decisions", self._hand_over)
        self._stream = stream

    def begin(self) -> tuple[dict[int, int], list[Placed]]:
        """Where each partition begins for the watchers, and what is there already. Blocks."""
        ends = self.assign(from_end=True, back=BACK)
        starts = {place.partition: place.offset for place in self.starts}
        return starts, _placed(self.read_to(ends))

    def _hand_over(self, records: Sequence[Record]) -> None:
        if not self._stopping:
            self._stream.take(_placed(records))

    def _record(self, message: Message) -> Record:
        return f"{message.partition()}:{message.offset()}", message.value() or b""


def _placed(records: Sequence[Record]) -> list[Placed]:
    places = ((key.partition(":"), value) for key, value in records)
    return [((int(partition), int(offset)), value or b"") for (partition, _, offset), value in places]
