"""Reads decisions and dead letters as they are written."""

import contextlib
from collections.abc import Iterator

import msgspec
from confluent_kafka import Message, TopicPartition

from deploy.demo.tally import Seen
from detectors.snapshot import Snapshot
from detectors.snapshot_parts import SnapshotAssembly
from foundation.settings import Settings
from pipeline.control.definitions import key_text
from pipeline.control.kafka_access import connection_of, open_consumer


class DeadLetter(msgspec.Struct):
    """The fields that are read of a dead letter."""

    reason: dict[str, str]


class Watch:
    """Reads decisions and dead letters from now on; it commits no offsets.

    Args:
        settings: the settings, for broker and topics.
    """

    def __init__(self, settings: Settings) -> None:
        self._decisions = settings.topic("decisions")
        self._dead_letters = settings.topic("dead-letters")
        self._consumer = open_consumer(
            {
                **connection_of(settings),
                "group.id": "weir-watch",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
                "log_level": 4,
            }
        )
        self._consumer.assign([end for topic in (self._decisions, self._dead_letters) for end in self._ends(topic)])
        self._decode_decision = msgspec.json.Decoder(Seen).decode
        self._decode_letter = msgspec.json.Decoder(DeadLetter).decode

    def poll(self, seconds: float) -> tuple[list[Seen], list[str]]:
        """The decisions, and the reasons of the dead letters, that come within `seconds`; at most 2,000 records per call."""
        decisions: list[Seen] = []
        letters: list[str] = []
        for message in self._messages(seconds):
            value = message.value() or b""
            with contextlib.suppress(ValueError, RecursionError):  # other records are passed over; the jobs that read them log them
                if message.topic() == self._decisions:
                    decisions.append(self._decode_decision(value))
                else:
                    letters.append(self._decode_letter(value).reason.get("what", ""))
        return decisions, letters

    def close(self) -> None:
        """Closes the connections."""
        self._consumer.close()

    def _messages(self, seconds: float) -> list[Message]:
        return [message for message in self._consumer.consume(2_000, seconds) if not message.error()]

    def _ends(self, topic: str) -> list[TopicPartition]:
        partitions = self._consumer.list_topics(topic, timeout=30).topics[topic].partitions
        ends = [TopicPartition(topic, partition) for partition in partitions]
        for end in ends:
            end.offset = self._consumer.get_watermark_offsets(end, timeout=30)[1]
        return ends


def follow_models(settings: Settings) -> Iterator[list[Snapshot]]:
    """Yields the published snapshots without an end, first the earlier ones; each step waits up to 0.2 s and gives those that came."""
    consumer = open_consumer({**connection_of(settings), "group.id": "weir-watch-models", "enable.auto.commit": False, "log_level": 4})
    consumer.assign([TopicPartition(settings.topic("models"), 0, 0)])
    assembly = SnapshotAssembly()
    try:
        while True:
            yield [snapshot for message in consumer.consume(100, 0.2) for snapshot in _snapshot_in(message, assembly)]
    finally:
        consumer.close()


def _snapshot_in(message: Message, assembly: SnapshotAssembly) -> list[Snapshot]:
    """The snapshot that is whole with `message`; nothing if none is, or if it holds none, which the score job logs."""
    if message.error() or message.value() is None:
        return []
    try:
        snapshot = assembly.take(key_text(message.key()), message.value() or b"")
    except ValueError:
        return []
    return [] if snapshot is None else [snapshot]
