"""The brokers limit how long a job's transaction may stay open."""

import logging

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of

log = logging.getLogger(__name__)

TRANSACTION_MS = 900_000
"""The limit that brokers have by default, in ms."""
SECONDS_MAX = 10.0


def transaction_ms_max(settings: Settings) -> int:
    """Asks the brokers how long a transaction may stay open, in ms; gives `TRANSACTION_MS` if they do not answer.

    If a job is killed between a checkpoint and the commit of its transaction and stays away for longer, what the transaction wrote is lost.
    """
    admin = AdminClient({**connection_of(settings)})
    try:
        broker = next(iter(admin.list_topics(timeout=SECONDS_MAX).brokers))
        resource = ConfigResource(ResourceType.BROKER, str(broker))
        values = admin.describe_configs([resource])[resource].result(SECONDS_MAX)
        return int(values["transaction.max.timeout.ms"].value)
    except (KafkaException, KeyError) as error:
        log.warning("the brokers do not say how long a transaction may stay open; %d ms are assumed: %s", TRANSACTION_MS, error)
        return TRANSACTION_MS
