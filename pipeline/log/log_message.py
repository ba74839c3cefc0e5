"""A record of a log as a consumer of Kafka gives it."""

from confluent_kafka import KafkaError

from pipeline.log.frame import LogRecord


class LogMessage:
    """A record of a log, or the end of a topic, with the methods of a message of Kafka."""

    __slots__ = ("_error", "_offset", "_partition", "_record", "_topic")

    def __init__(self, topic: str, partition: int, offset: int, record: LogRecord | None) -> None:
        self._topic = topic
        self._partition = partition
        self._offset = offset
        self._record = record

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def error(self) -> KafkaError | None:
        return None if self._record is not None else KafkaError(KafkaError._PARTITION_EOF)

    def key(self) -> bytes | None:
        return self._record.key if self._record is not None else None

    def value(self) -> bytes | None:
        return self._record.value if self._record is not None else None

    def headers(self) -> list[tuple[str, bytes]] | None:
        return list(self._record.headers) if self._record is not None else None

    def timestamp(self) -> tuple[int, int]:
        return 1, self._record.at_ms if self._record is not None else 0
