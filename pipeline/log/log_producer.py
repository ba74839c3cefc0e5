"""Writes records to the logs as a producer of Kafka writes them to a broker, with the part of its interface that this project uses."""

import pathlib
import threading
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from foundation.refusal import Refusal
from pipeline.log.frame import Entry
from pipeline.log.log_folder import INPUT, LOG_FOLDER, LOGS_OF, OUTPUT, SIDE, TOPIC_PREFIX, append_to_input, writer_of

QUEUE_MAX = 10_000

OnDelivery = Callable[[KafkaError | None, Any], None]


class _Sent:
    """What a callback is told of a record."""

    def __init__(self, topic: str, offset: int) -> None:
        self._topic = topic
        self._offset = offset

    def topic(self) -> str:
        return self._topic

    def offset(self) -> int:
        return self._offset


class LogProducer:
    """Collects records, and appends them as one batch at `flush`; what its methods mean is said of `confluent_kafka.Producer`.

    A record goes into the log that its topic stands in; where there are two, as of dead letters, into that of the side jobs.

    Args:
        options: `LOG_FOLDER` and `TOPIC_PREFIX`; all others have no meaning here.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self._folder = pathlib.Path(options[LOG_FOLDER])
        self._prefix = options[TOPIC_PREFIX]
        self._waiting: list[tuple[Entry, OnDelivery | None]] = []
        self._together = False
        self._one = threading.Lock()

    def init_transactions(self, timeout: float = -1) -> None:
        """Does nothing: a log has one writer."""

    def begin_transaction(self) -> None:
        """Appends what follows together or not at all."""
        self._together = True

    def commit_transaction(self, timeout: float = -1) -> None:
        """Appends what was collected since `begin_transaction`.

        Raises:
            KafkaException: the log cannot be written; nothing was appended.
        """
        self._together = False
        problems: list[KafkaError] = []
        with self._one:
            self._waiting = [(entry, lambda error, sent: problems.append(error) if error else None) for entry, _ in self._waiting]
        self.poll()
        if problems:
            raise KafkaException(problems[0])

    def produce(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | str | None = None,
        on_delivery: OnDelivery | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Collects a record.

        Raises:
            BufferError: too many wait; call `poll`.
        """
        with self._one:
            if len(self._waiting) >= QUEUE_MAX and not self._together:
                raise BufferError
            encoded = key.encode() if isinstance(key, str) else key or b""
            self._waiting.append((Entry(topic.removeprefix(self._prefix), encoded, value, headers), on_delivery))

    def poll(self, timeout: float = -1) -> int:
        """Appends what was collected."""
        with self._one:
            waiting, self._waiting = self._waiting, []
        for name in (INPUT, OUTPUT, SIDE):
            if part := [each for each in waiting if LOGS_OF[each[0].topic][-1] == name]:
                self._append(part, name)
        return len(waiting)

    def flush(self, timeout: float = -1) -> int:
        """Appends what was collected; gives 0, for nothing is left."""
        self.poll()
        return 0

    def purge(self) -> None:
        """Forgets what was collected."""
        with self._one:
            self._waiting.clear()

    def close(self) -> None:
        self.purge()

    def _append(self, waiting: list[tuple[Entry, OnDelivery | None]], name: str) -> None:
        problem, first = None, 0
        try:
            entries = [entry for entry, _ in waiting]
            first = append_to_input(self._folder, entries) if name == INPUT else writer_of(self._folder, name).append(entries)
        except OSError as error:
            problem = KafkaError(KafkaError._FS, str(error))
        except Refusal as refusal:
            problem = KafkaError(KafkaError._STATE, str(refusal))
        for number, (entry, on_delivery) in enumerate(waiting):
            if on_delivery is not None:
                on_delivery(problem, _Sent(self._prefix + entry.topic, first + number))
