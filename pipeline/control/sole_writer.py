"""A writer that excludes all others of its kind: of several processes, only the one that began last can write."""

from collections.abc import Iterable

from confluent_kafka import KafkaException

from foundation.settings import Settings
from pipeline.control.kafka import producer_of
from pipeline.control.topic_clients import TopicProducer

SECONDS_MAX = 30.0
TRANSACTION_MS = 60_000
"""The broker aborts a transaction that is open for longer than this; a million entries take about 20 s."""


class SoleWriter:
    """Writes records to one topic in a transaction, all of them or none. Its calls block; it is for one thread.

    Call `begin`, then read the topic to its end, then `commit`. After `begin` the broker refuses every writer of this kind that began
    earlier, so none of them can write between the reading and the commit. Producers that are no `SoleWriter` can.

    Args:
        settings: name the broker.
        topic: short name; writers exclude each other if they write to the same topic.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self._settings = settings
        self._name = settings.topic(topic)
        self._producer: TopicProducer | None = None

    def begin(self) -> None:
        """Begins, and aborts what another writer of the same topic has begun.

        Raises:
            KafkaException: the broker does not answer.
        """
        self.close()
        rules = {"transactional.id": f"{self._name}-sole-writer", "transaction.timeout.ms": TRANSACTION_MS, "log_level": 4}
        self._producer = producer_of(self._settings, **rules)
        self._producer.init_transactions(SECONDS_MAX)

    def commit(self, records: Iterable[tuple[str, bytes | None]]) -> None:
        """Writes `records` of key and value, where the value None deletes the key's record; returns once all are on the topic.

        Raises:
            KafkaException: another writer has begun since, and no record was written; or the broker does not answer, and either all or no
                records were written.
        """
        assert self._producer is not None, "begin comes first"
        try:
            self._write(self._producer, records)
        except KafkaException as error:
            if error.args[0].fatal():
                self._producer = None  # another writer has begun, and the broker has aborted this transaction already
            raise

    def _write(self, producer: TopicProducer, records: Iterable[tuple[str, bytes | None]]) -> None:
        producer.begin_transaction()
        for key, value in records:
            while True:
                try:
                    producer.produce(self._name, value, key)
                    break
                except BufferError:
                    producer.poll(0.1)
        producer.commit_transaction(SECONDS_MAX)

    def close(self) -> None:
        """Closes the connections; a transaction that is open is aborted."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.close()
            self._producer = None
