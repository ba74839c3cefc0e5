"""What this project needs of the clients of a runtime's topics: those of a broker have it, and so have those of a solo system's log.

The names and their meaning are those of `confluent_kafka`. An offset is the place of a record in its partition: the offsets of one
partition grow, and may have gaps.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from confluent_kafka import TopicPartition


class TopicMessage(Protocol):
    """A record, or the end of a partition, or an error that the client reports."""

    def topic(self) -> str:
        """The full name of its topic."""
        ...

    def partition(self) -> int:
        """The number of its partition."""
        ...

    def offset(self) -> int:
        """Its place in the partition; for an end that of the next record."""
        ...

    def error(self) -> Any:
        """None for a record, else what it is."""
        ...

    def key(self) -> bytes | None:
        """The key; None if it has none."""
        ...

    def value(self) -> bytes | None:
        """The value; None deletes the record of the key from a compacted topic."""
        ...

    def headers(self) -> list[tuple[str, bytes]] | None:
        """Names and values; None if it has none."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """What kind of time it is, and ms since the epoch."""
        ...


class TopicConsumer(Protocol):
    """Reads topics, from an offset or from where its group has committed. It is for one thread."""

    def list_topics(self, topic: str, timeout: float = -1) -> Any:
        """The partitions of `topic`, in ``.topics[topic].partitions``."""
        ...

    def get_watermark_offsets(self, place: TopicPartition, timeout: float = -1, cached: bool = False) -> tuple[int, int]:
        """The offset of the oldest record of a partition, and that of the next one that comes."""
        ...

    def assign(self, places: Iterable[TopicPartition]) -> None:
        """Reads these partitions from their offsets on, and no others."""
        ...

    def unassign(self) -> None:
        """Reads no partition."""
        ...

    def incremental_unassign(self, places: Iterable[TopicPartition]) -> None:
        """Reads these partitions no more."""
        ...

    def subscribe(
        self, topics: Sequence[str], on_revoke: Callable[..., None] | None = None, on_lost: Callable[..., None] | None = None
    ) -> None:
        """Reads these topics from where the group has committed, as far as no other consumer of the group does."""
        ...

    def assignment(self) -> list[TopicPartition]:
        """The partitions that it reads."""
        ...

    def position(self, places: Iterable[TopicPartition]) -> list[TopicPartition]:
        """Behind which record of each partition it is."""
        ...

    def pause(self, places: Iterable[TopicPartition]) -> None:
        """Gives no records of these partitions until `resume`."""
        ...

    def resume(self, places: Iterable[TopicPartition]) -> None:
        """Gives records of these partitions again."""
        ...

    def poll(self, timeout: float = -1) -> TopicMessage | None:
        """The next message; None if none comes within `timeout` seconds."""
        ...

    def consume(self, num_messages: int = 1, timeout: float = -1) -> Sequence[TopicMessage]:
        """The next messages, at most so many, that come within `timeout` seconds."""
        ...

    def commit(self, offsets: Sequence[TopicPartition] | None = None, asynchronous: bool = True) -> Any:
        """Notes for the group where to go on, by default behind all that was read, and the text that stands in `metadata` of each.

        Raises:
            KafkaException: it cannot be noted now.
        """
        ...

    def committed(self, places: Sequence[TopicPartition], timeout: float = -1) -> list[TopicPartition]:
        """What the group has noted last of these partitions: offset and `metadata`, the text beside it. The offset is negative where it
        has noted none.

        Raises:
            KafkaException: it cannot be asked now.
        """
        ...

    def close(self) -> None:
        """Closes the connections."""
        ...


class TopicProducer(Protocol):
    """Appends records to topics, in their order for each key."""

    def produce(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | str | None = None,
        on_delivery: Callable[..., None] | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Queues a record; `on_delivery` is told, with an error or None and the record's place, by a later call of `poll` or `flush`.

        Raises:
            BufferError: too many records are queued.
        """
        ...

    def poll(self, timeout: float = -1) -> int:
        """Sends what is queued, and tells of what was delivered."""
        ...

    def flush(self, timeout: float = -1) -> int:
        """Waits until all is delivered, at most `timeout` seconds; gives how many records are left."""
        ...

    def purge(self) -> None:
        """Forgets what is queued."""
        ...

    def close(self) -> Any:
        """Closes the connections."""
        ...

    def init_transactions(self, timeout: float = -1) -> None:
        """Excludes all producers of the same ``transactional.id`` that began earlier."""
        ...

    def begin_transaction(self) -> None:
        """Begins a batch, whose records are there together or not at all."""
        ...

    def commit_transaction(self, timeout: float = -1) -> None:
        """Ends the batch; its records are there.

        Raises:
            KafkaException: they are not.
        """
        ...
