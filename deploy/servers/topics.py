"""Makes the topics of a system."""

import time

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, OffsetSpec

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of
from stores.archive.archive_rows import CHANGES

RETENTION_MS = 7 * 86_400_000
MESSAGE_BYTES_MAX = 16_777_216
STREAMS = ("events", "labels", "labels-resolved", "decisions", "replies", "late", "dead-letters", "metrics", "alerts")
SERVED_SECONDS_MAX = 30.0
COMPACTED = ("control", "models", "learners", "entries", "facts")
COMPACTION = {
    "cleanup.policy": "compact",
    "max.message.bytes": str(MESSAGE_BYTES_MAX),
    # Segments are small, because only closed ones are compacted, and each start reads the whole topic.
    "segment.ms": "600000",
    "segment.bytes": str(64 << 20),
    "min.cleanable.dirty.ratio": "0.1",
    # A job that was stopped for less than this time still sees the tombstone of each key that was deleted meanwhile.
    "delete.retention.ms": str(30 * 86_400_000),
}
"""The settings of a compacted topic. Topics that an older version made get them too; otherwise they would keep tombstones for ever."""
ARCHIVED = {"min.compaction.lag.ms": str(86_400_000)}
"""Further settings of those whose every record is archived: compaction waits for the archive job, whose storage may be away for a day."""


def make_topics(settings: Settings) -> None:
    """Makes the topics that are missing and returns once all can be read.

    Streams have `settings.partitions` partitions and keep records for 7 days. Compacted topics have one partition and keep the newest
    record of each key. Existing streams stay as they are, and existing compacted topics get the settings `COMPACTION`.
    """
    admin = AdminClient({**connection_of(settings)})
    wanted = [_stream(settings, name) for name in STREAMS] + [_compacted(settings, name) for name in COMPACTED]
    for future in admin.create_topics(wanted).values():
        try:
            future.result(30)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    _set_rules(admin, {settings.topic(name): _rules_of(name) for name in COMPACTED})
    _wait_until_served(settings, [TopicPartition(topic.topic, number) for topic in wanted for number in range(topic.num_partitions)])


def _rules_of(name: str) -> dict[str, str]:
    return COMPACTION | (ARCHIVED if name in CHANGES else {})


def _set_rules(admin: AdminClient, rules: dict[str, dict[str, str]]) -> None:
    entries = {
        topic: [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in chosen.items()]
        for topic, chosen in rules.items()
    }
    resources = [ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=own) for topic, own in entries.items()]
    for future in admin.incremental_alter_configs(resources).values():
        future.result(30)


def _wait_until_served(settings: Settings, partitions: list[TopicPartition]) -> None:
    """Waits until the leader of each partition answers, because a client that asks a new one too early gets an error.

    Each try is a new client's: one that has been told that a topic is unknown, as of one that this version adds to a broker of an earlier
    one, goes on to say so for half a minute.
    """
    deadline = time.monotonic() + SERVED_SECONDS_MAX
    while True:
        try:
            admin = AdminClient({**connection_of(settings)})
            for future in admin.list_offsets({partition: OffsetSpec.latest() for partition in partitions}).values():
                future.result(10)
            return
        except KafkaException as error:
            if time.monotonic() > deadline:
                expected = f"a leader for each partition within {SERVED_SECONDS_MAX:g} s"
                raise Refusal("the topics cannot be read", where="the broker", expected=expected, got=str(error)) from error
            time.sleep(0.05)


def _stream(settings: Settings, name: str) -> NewTopic:
    return NewTopic(settings.topic(name), settings.partitions, 1, config={"retention.ms": str(RETENTION_MS)})


def _compacted(settings: Settings, name: str) -> NewTopic:
    return NewTopic(settings.topic(name), 1, 1, config=_rules_of(name))
