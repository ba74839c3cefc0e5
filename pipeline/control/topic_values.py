"""A topic is read here once, from its oldest record to the end that it has now."""

import logging
import time
from collections.abc import Iterator
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.definitions import Definitions
from pipeline.control.kafka import (
    BATCH_MAX,
    SECONDS_MAX,
    ControlTopic,
    Offsets,
    consumer_of,
    ends_of,
    is_end,
    next_of,
    partition_of,
    place_of,
)
from pipeline.control.progress import Progress
from pipeline.control.topic_clients import TopicConsumer

log = logging.getLogger(__name__)


class Records(NamedTuple):
    """Some records of one partition, in the order of their offsets; `at_ms` is when the broker received each."""

    partition: int
    offsets: list[int]
    at_ms: list[int]
    values: list[bytes]


def values_of(settings: Settings, topic: str, progress: Progress = lambda done, total: None) -> Iterator[list[bytes]]:
    """Reads the values of a topic as `records_of` does.

    Raises:
        Refusal: there is no such topic, or the broker does not answer.
    """
    return (records.values for records in records_of(settings, topic, progress))


def records_of(settings: Settings, topic: str, progress: Progress = lambda done, total: None) -> Iterator[Records]:
    """Reads the records of a topic up to the end that it has at the call, one partition after the other.

    Args:
        topic: short name.
        progress: is called after each batch with offsets done and offsets in all.

    Raises:
        Refusal: there is no such topic, or the broker does not answer.
    """
    ends = ends_or_refusal(settings, topic)
    consumer = consumer_of(settings, "export", **{"enable.partition.eof": True})
    total, before = sum(ends.values()), 0
    try:
        for place, end in sorted(ends.items(), key=lambda each: partition_of(each[0])):
            for records, at in _partition(consumer, settings, place, end):
                yield records
                progress(before + at, total)
            before += end
    finally:
        consumer.close()


def read_definitions(settings: Settings) -> Definitions:
    """Reads the definitions and releases that the control topic holds now.

    Raises:
        Refusal: there is no such topic, or the broker does not answer.
    """
    control = None
    try:
        ends_or_refusal(settings, "control")
        control = ControlTopic(settings)
        control.read_to_end()
    except KafkaException as error:
        raise _no_answer(settings, error) from error
    finally:
        if control is not None:
            control.close()
    return control.definitions


def ends_or_refusal(settings: Settings, topic: str) -> Offsets:
    """Gives the end offset, exclusive, of each partition of `topic`, a short name.

    Raises:
        Refusal: there is no such topic, or the broker does not answer.
    """
    consumer = consumer_of(settings, "export")
    name = settings.topic(topic)
    try:
        ends = ends_of(consumer, [name])
    except KafkaException as error:
        raise _no_answer(settings, error) from error
    finally:
        consumer.close()
    if not ends:
        remedy = "set WEIR_BOOTSTRAP and WEIR_TOPIC_PREFIX to those of the running system"
        raise Refusal("no such topic", where=settings.bootstrap, expected="the topics of a running system", got=name, remedy=remedy)
    return ends


def _partition(consumer: TopicConsumer, settings: Settings, place: str, end: int) -> Iterator[tuple[Records, int]]:
    """Gives batches of records of a partition from its oldest record on, each with the offset behind it."""
    consumer.assign([TopicPartition(*partition_of(place), OFFSET_BEGINNING)])
    at, heard = 0, time.monotonic()
    while at < end:
        records = Records(partition_of(place)[1], [], [], [])
        for message in next_of(consumer, BATCH_MAX, 0.5):
            if message.error() and not is_end(message):
                log.warning("the consumer of %s reports an error: %s", place, message.error())
            elif place_of(message) == place:
                heard = time.monotonic()
                offset = message.offset() or 0
                at = end if is_end(message) else min(offset + 1, end)
                if not is_end(message) and offset < end:
                    records.offsets.append(offset)
                    records.at_ms.append(message.timestamp()[1])
                    records.values.append(message.value() or b"")
        if records.values:
            yield records, at
        elif time.monotonic() - heard > SECONDS_MAX:
            raise _no_answer(settings, f"no record of {place} in {SECONDS_MAX:g} s")


def _no_answer(settings: Settings, error: object) -> Refusal:
    remedy = "check that the broker runs and that WEIR_BOOTSTRAP names its address"
    return Refusal("no answer from the broker", where=settings.bootstrap, expected="records of the topic", got=str(error), remedy=remedy)
