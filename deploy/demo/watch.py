"""Reads decisions and dead letters as they are written."""

import contextlib
from collections.abc import Iterator

import msgspec
from confluent_kafka import Consumer, Message, TopicPartition

from deploy.demo.tally import Seen
from detectors.snapshot import Snapshot
from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of


class DeadLetter(msgspec.Struct):
    """What is read of a dead letter."""

    reason: dict[str, str]


class Watch:
    """A reader of all partitions from where they end now. Keeps no place in Kafka.

    Args:
        settings: broker and topics.
    """

    def __init__(self, settings: Settings) -> None:
        self._decisions = settings.topic("decisions")
        self._dead_letters = settings.topic("dead-letters")
        self._consumer = Consumer(
            {
                **connection_of(settings),
                "group.id": "weir-watch",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
                "log_level": 4,
            }
        )
        self._consumer.assign([place for topic in (self._decisions, self._dead_letters) for place in self._ends(topic)])
        self._decode_decision = msgspec.json.Decoder(Seen).decode
        self._decode_letter = msgspec.json.Decoder(DeadLetter).decode

    def poll(self, seconds: float) -> tuple[list[Seen], list[str]]:
        """Decisions, and what is wrong with dead letters, that came within `seconds`; at most 2,000 a call."""
        decisions: list[Seen] = []
        letters: list[str] = []
        for message in self._messages(seconds):
            value = message.value() or b""
            with contextlib.suppress(ValueError, RecursionError):  # whatever else is written there: the jobs behind say so
                if message.topic() == self._decisions:
                    decisions.append(self._decode_decision(value))
                else:
                    letters.append(self._decode_letter(value).reason.get("what", ""))
        return decisions, letters

    def close(self) -> None:
        """Gives up its connections."""
        self._consumer.close()

    def _messages(self, seconds: float) -> list[Message]:
        return [message for message in self._consumer.consume(2_000, seconds) if not message.error()]

    def _ends(self, topic: str) -> list[TopicPartition]:
        partitions = self._consumer.list_topics(topic, timeout=30).topics[topic].partitions
        places = [TopicPartition(topic, partition) for partition in partitions]
        for place in places:
            place.offset = self._consumer.get_watermark_offsets(place, timeout=30)[1]
        return places


def follow_models(settings: Settings) -> Iterator[list[Snapshot]]:
    """Snapshots as they were and are published: those of up to 0.2 s a step, without end."""
    consumer = Consumer({**connection_of(settings), "group.id": "weir-watch-models", "enable.auto.commit": False, "log_level": 4})
    consumer.assign([TopicPartition(settings.topic("models"), 0, 0)])
    try:
        while True:
            yield [snapshot for message in consumer.consume(100, 0.2) for snapshot in _snapshot_in(message)]
    finally:
        consumer.close()


def _snapshot_in(message: Message) -> list[Snapshot]:
    """What is no snapshot is none, as for the score job, which says so in its log."""
    try:
        return [] if message.error() else [Snapshot.decode(message.value() or b"")]
    except ValueError:
        return []
