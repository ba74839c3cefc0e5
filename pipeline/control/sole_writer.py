"""A writer beside which no other of its kind writes: of several processes, the one that begins last goes on."""

from collections.abc import Iterable

from confluent_kafka import KafkaException, Producer

from foundation.settings import Settings
from pipeline.control.kafka import producer_of

SECONDS_MAX = 30.0
TRANSACTION_MS = 60_000
"""A transaction that stands open for longer is the broker's to end; a million entries take some 20 s."""


class SoleWriter:
    """Writes to one topic records that follow from what it holds, all of them or none. Blocks; for one thread.

    `begin`, then read the topic to its end, then `commit`: whoever began before is refused by the broker, so what was read is what the
    records follow from, as far as writers of this kind are concerned. Others may write between the two.

    Args:
        settings: where the broker is.
        topic: short name; two writers are of one kind when they write to the same.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self._settings = settings
        self._name = settings.topic(topic)
        self._producer: Producer | None = None

    def begin(self) -> None:
        """Ends what another of its kind has begun.

        Raises:
            KafkaException: the broker does not answer.
        """
        self.close()
        rules = {"transactional.id": f"{self._name}-sole-writer", "transaction.timeout.ms": TRANSACTION_MS, "log_level": 4}
        self._producer = producer_of(self._settings, **rules)
        self._producer.init_transactions(SECONDS_MAX)

    def commit(self, records: Iterable[tuple[str, bytes | None]]) -> None:
        """Writes `records`, key and value each, None to take a key's record away; returns when all of them are on the topic.

        Raises:
            KafkaException: none of them is, or the broker did not say: another has begun since, or the broker does not answer.
        """
        assert self._producer is not None, "begin comes first"
        try:
            self._write(self._producer, records)
        except KafkaException as error:
            if error.args[0].fatal():
                self._producer = None  # another has begun, and the broker has ended what this one wrote: nothing is left to abort
            raise

    def _write(self, producer: Producer, records: Iterable[tuple[str, bytes | None]]) -> None:
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
        """Gives up the connections; what was begun ends without a record."""
        if self._producer is not None:
            self._producer.purge()
            self._producer.close()
            self._producer = None
