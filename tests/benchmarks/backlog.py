"""A backlog of card payments in Kafka and the decisions on it: produced, counted, and checked against counts made anew."""

import pathlib
from collections.abc import Sequence

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of

SAMPLE = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "samples" / "cards"
START_MS = 1_600_000_000_000


class Features(msgspec.Struct):
    """Of a decision, what is checked."""

    customer_count_30d: float


class Decision(msgspec.Struct):
    """Of a decision, what is checked."""

    event_id: str
    features: Features


def produce(settings: Settings, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
    """Returns once all (key, value) are in the topic."""
    producer = Producer({**connection_of(settings), "linger.ms": 20, "acks": 1, "queue.buffering.max.messages": 1_000_000})
    for at, (key, value) in enumerate(records):
        producer.produce(settings.topic(topic), value, key)
        if at % 100_000 == 99_999:  # the producer's queue has an end
            producer.flush(120)
    producer.flush(120)


def ends(settings: Settings, topic: str) -> int:
    """Records in a topic."""
    consumer = Consumer({**connection_of(settings), "group.id": "bench"})
    name = settings.topic(topic)
    partitions = consumer.list_topics(name).topics[name].partitions
    total = sum(consumer.get_watermark_offsets(TopicPartition(name, partition))[1] for partition in partitions)
    consumer.close()
    return total


def check(settings: Settings, users: Sequence[str]) -> None:
    """Each event, numbered from 0 and of the user at its number, has one decision with the number of its user's events so far."""
    seen: dict[str, int] = {}
    left = {}
    for number, user in enumerate(users):
        left[str(number)] = seen[user] = seen.get(user, 0) + 1
    name = settings.topic("decisions")
    consumer = Consumer({**connection_of(settings), "group.id": "check", "enable.auto.commit": False})
    consumer.assign([TopicPartition(name, partition, 0) for partition in consumer.list_topics(name).topics[name].partitions])
    decode = msgspec.json.Decoder(Decision).decode
    while left:
        messages = consumer.consume(10_000, 30.0)
        assert messages, f"{len(left)} events without a decision"
        for message in messages:
            decision = decode(message.value() or b"")
            assert decision.features.customer_count_30d == left.pop(decision.event_id), decision
    consumer.close()
