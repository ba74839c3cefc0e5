"""Reads a topic of records that are in force, up to its end."""

from collections.abc import Callable

from confluent_kafka import Message

from foundation.settings import Settings
from pipeline.control.kafka import consumer_of, ends_of, read_until


def read_topic(settings: Settings, topic: str, group: str, take: Callable[[Message], None]) -> None:
    """Calls `take` with each record of `topic`, which is named without the prefix, up to its present end.

    Raises:
        KafkaException: the broker does not answer.
    """

    def take_all(messages: list[Message]) -> None:
        for message in messages:
            take(message)

    consumer = consumer_of(settings, group, **{"enable.partition.eof": True})
    try:
        read_until(consumer, {}, ends_of(consumer, [settings.topic(topic)]), take_all, lambda: False)
    finally:
        consumer.close()
