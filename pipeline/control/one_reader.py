"""Lets one process at a time work on topics whose offsets stand in a store, and another one take over where it has ended."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from pipeline.control.kafka import SECONDS_MAX
from pipeline.control.topic_clients import TopicConsumer
from stores.decisions import StoreUnavailableError
from stores.offsets import OtherReaderError

log = logging.getLogger(__name__)

STAND_BY_SECONDS = 3.0
"""A process that found another one at work takes over once that one has written nothing for so long."""
RETRY_SECONDS = 1.0


def work_as_one_reader(what: str, work: Callable[[], None], positions: Callable[[], Mapping[str, int]], stopping: threading.Event) -> None:
    """Calls `work` again and again until `stopping` is set: after a failure a second later, and after another process has ended.

    Args:
        what: is done, for the log, such as ``alerts``.
        work: goes on from where the store says, and returns once `stopping` is set. It may raise `OtherReaderError`,
            `StoreUnavailableError` and `KafkaException`.
        positions: gives the offsets as the store has them, by which another process is seen at work.
    """
    stands_by = False
    while not stopping.is_set():
        try:
            if stands_by:
                _stand_by(positions, stopping)
            stands_by = False
            work()
        except OtherReaderError as error:
            log.info("another process is at work on %s, and this one stands by: %s", what, error)
            stands_by = True
        except (StoreUnavailableError, KafkaException) as error:
            log.warning("%s wait, and are tried again: %s", what, error)
            stopping.wait(RETRY_SECONDS)


def places_from(consumer: TopicConsumer, topics: Sequence[str], positions: Mapping[str, int]) -> list[TopicPartition]:
    """Returns all partitions of `topics` with the offsets to go on from; what was never read is read from its beginning.

    Raises:
        KafkaException: the broker does not answer.
    """
    return [
        TopicPartition(topic, number, positions.get(f"{topic}/{number}", OFFSET_BEGINNING))
        for topic in topics
        for number in consumer.list_topics(topic, timeout=SECONDS_MAX).topics[topic].partitions
    ]


def _stand_by(positions: Callable[[], Mapping[str, int]], stopping: threading.Event) -> None:
    """Returns once nobody has written anything for a while, or the process is to end."""
    before = None
    while not stopping.is_set():
        now = positions()
        if now == before:
            return
        before = now
        stopping.wait(STAND_BY_SECONDS)
