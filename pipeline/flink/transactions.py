"""How long a job's transaction may stand open."""

import logging

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of

log = logging.getLogger(__name__)

TRANSACTION_MS = 900_000
"""What brokers allow unless told otherwise."""
SECONDS_MAX = 10.0


def transaction_ms_max(settings: Settings) -> int:
    """How long the brokers let a transaction stand open, in ms; `TRANSACTION_MS` where they do not say.

    What a job wrote is lost when it is killed between a checkpoint and its commit and away for longer than this.
    """
    admin = AdminClient({**connection_of(settings)})
    try:
        broker = next(iter(admin.list_topics(timeout=SECONDS_MAX).brokers))
        resource = ConfigResource(ResourceType.BROKER, str(broker))
        values = admin.describe_configs([resource])[resource].result(SECONDS_MAX)
        return int(values["transaction.max.timeout.ms"].value)
    except (KafkaException, KeyError) as error:
        log.warning("transactions of %d ms, since the brokers do not say what they allow: %s", TRANSACTION_MS, error)
        return TRANSACTION_MS
