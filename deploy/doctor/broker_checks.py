"""The check of a running broker: whether its topics exist and keep records long enough to outlast a stop of the system."""

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from deploy.servers.topics import COMPACTED, RETENTION_MS, STREAMS
from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of


def retention_problem(settings: Settings) -> str:
    """What is wrong with the topics, with the remedy; '' if all exist and those with a retention keep records for 7 days."""
    admin = AdminClient({**connection_of(settings)})
    try:
        there = admin.list_topics(timeout=5).topics
        missing = [settings.topic(name) for name in (*STREAMS, *COMPACTED) if settings.topic(name) not in there]
        if missing:
            return f"{settings.bootstrap} lacks {', '.join(missing)}; `weir up` makes them"
        short = [name for name in STREAMS if 0 <= _retention_ms(admin, settings.topic(name)) < RETENTION_MS]
    except KafkaException as error:
        return f"{settings.bootstrap} does not answer: {error.args[0].str()}"
    if short:
        return f"{', '.join(map(settings.topic, short))} keep records for less than 7 days; set retention.ms to {RETENTION_MS}"
    return ""


def _retention_ms(admin: AdminClient, topic: str) -> int:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return int(admin.describe_configs([resource])[resource].result(10)["retention.ms"].value)
