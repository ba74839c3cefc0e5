"""Reads the newest decision of each partition from the end of the topic, now and then; so no consumer has to follow the whole topic."""

import asyncio
import contextlib
import time

import msgspec
from confluent_kafka import KafkaException, TopicPartition

from api.decisions.deciders import Newest
from pipeline.control.kafka_access import Connection, open_consumer

SECONDS_MAX = 2.0


class NewestDecisions:
    """Gives the newest decisions; see `api.decisions.deciders.NewestSource`. It reads in a thread, one call at a time.

    Args:
        broker: the connection to the broker, as `connection_of` gives it.
        topic: the full name of the topic of decisions.
    """

    def __init__(self, broker: Connection, topic: str) -> None:
        self._topic = topic
        rules: dict[str, object] = {**broker, "group.id": "weir-api-newest", "enable.auto.commit": False, "log_level": 4}
        self._consumer = open_consumer(rules)

    async def newest(self) -> list[Newest]:
        """The newest decisions that can be read within `SECONDS_MAX`; none when the broker does not answer, which its own check reports."""
        return await asyncio.to_thread(self._newest)

    def close(self) -> None:
        """Closes the connections."""
        self._consumer.close()

    def _newest(self) -> list[Newest]:
        found: list[Newest] = []
        with contextlib.suppress(KafkaException):
            newest = self._newest_offsets()
            self._consumer.assign(newest)
            until = time.monotonic() + SECONDS_MAX
            while len(found) < len(newest) and (left := until - time.monotonic()) > 0:
                message = self._consumer.poll(left)
                if message is not None and not message.error():
                    with contextlib.suppress(ValueError, RecursionError):
                        found.append(msgspec.json.decode(message.value() or b"", type=Newest))
                    self._consumer.incremental_unassign([TopicPartition(self._topic, message.partition() or 0)])
            self._consumer.unassign()
        return found

    def _newest_offsets(self) -> list[TopicPartition]:
        partitions = self._consumer.list_topics(self._topic, timeout=SECONDS_MAX).topics[self._topic].partitions
        ends = {number: self._consumer.get_watermark_offsets(TopicPartition(self._topic, number), SECONDS_MAX) for number in partitions}
        return [TopicPartition(self._topic, number, high - 1) for number, (low, high) in ends.items() if high > low]
