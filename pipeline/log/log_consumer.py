"""Reads topics of a log as a consumer of Kafka reads those of a broker, with the part of its interface that this project uses."""

import contextlib
import pathlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from pipeline.log.awaited_logs import AwaitedLogs
from pipeline.log.bell import Bell
from pipeline.log.log_folder import LOG_FOLDER, LOG_WATCH, LOGS_OF, TOPIC_PREFIX, segments_of
from pipeline.log.log_message import LogMessage
from pipeline.log.log_watch import LogWatch
from pipeline.log.reader import LogReader
from pipeline.log.segments import Segments

POLL_SECONDS, POLL_SECONDS_MAX = 0.1, 0.25
"""How often a log is looked at that another process writes, where the system does not tell that it was written to: so much while records
come, and less and less often while none do."""
FLOWING_LOOKS, GATHER_SECONDS = 3, 0.2
"""After so many looks in a row that found some records, but fewer than were asked for, the next look comes so much after the last: who
takes what has come each time writes many small batches, and decisions in SQLite cost a fifth less by hundreds than by tens."""
JUST_SECONDS = 0.01
CURSORS = "cursors"
_NONE = (OFFSET_INVALID, "")
_decode_cursors = msgspec.json.Decoder(dict[str, int | tuple[int, str]]).decode


class _Partition:
    """One log of a topic, as it is read."""

    def __init__(self, topic: str, number: int, segments: Segments, short: str, start: int) -> None:
        self.topic = topic
        self.number = number
        self.short = short
        self.segments = segments
        self.reader = LogReader(segments, [short], start)
        self.paused = False
        self.end_said = -1

    def take(self, records_max: int, says_end: bool) -> list[LogMessage]:
        """Reads the records that are there; with `says_end` each end of the topic follows once, behind the last record."""
        if self.paused:
            return []
        records = self.reader.read(records_max)
        found = [LogMessage(self.topic, self.number, record.ordinal, record) for record in records]
        if (
            says_end
            and len(found) < records_max
            and not self.reader.is_behind
            and self.end_said != (end := _high_of(self.segments, self.short))
        ):
            self.end_said = end
            found.append(LogMessage(self.topic, self.number, max(end, self.reader.position), None))
        return found


class LogConsumer:
    """Reads the logs that `options` name; what its methods mean is said of `confluent_kafka.Consumer`.

    An offset is the ordinal of a record in its log, where records of other topics stand too, so that the offsets of one topic have gaps.
    Only one consumer of a group may read a topic: there is no sharing of partitions.

    Args:
        options: `LOG_FOLDER`, `TOPIC_PREFIX`, ``group.id`` and ``enable.partition.eof``; all others have no meaning here.
        logs: in which logs each topic stands.
        monotonic: the seconds of a clock that is never set back.
        sleep: lets so many seconds of it pass.
        bell: ends a wait when it is rung.
        watch: sees what other processes write.
    """

    def __init__(
        self,
        options: dict[str, Any],
        logs: Mapping[str, Sequence[str]] = LOGS_OF,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        bell: Bell | None = None,
        watch: LogWatch = LOG_WATCH,
    ) -> None:
        self._bell = Bell() if bell is None else bell
        self._awaited = AwaitedLogs(self._bell, watch)
        self._is_woken = False
        self._logs = logs
        self._monotonic = monotonic
        self._sleep = sleep
        self._folder = pathlib.Path(options[LOG_FOLDER])
        self._prefix = options[TOPIC_PREFIX]
        self._says_end = bool(options.get("enable.partition.eof", False))
        self._cursors = self._folder / CURSORS / f"{options['group.id']}.json"
        self._partitions: list[_Partition] = []
        self._poll_seconds = POLL_SECONDS
        self._looked_at = 0.0
        self._found_nothing = False
        self._flowing = 0
        """How many looks in a row have found some records, but not all that were asked for."""

    def list_topics(self, topic: str, timeout: float = -1) -> Any:
        """The logs of `topic` as its partitions."""
        numbers = {number: number for number in range(len(self._logs.get(self._short(topic), ())))}
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions=numbers)})

    def places(self, topic: str) -> list[TopicPartition]:
        """The logs of `topic`, each from its beginning."""
        return [TopicPartition(topic, number, 0) for number in range(len(self._logs[self._short(topic)]))]

    def get_watermark_offsets(self, place: TopicPartition, timeout: float = -1, cached: bool = False) -> tuple[int, int]:
        segments = self._segments(place.topic, place.partition)
        high = _high_of(segments, self._short(place.topic))
        low = segments.all[0].first if segments.all else 0
        return min(low, high), high

    def assign(self, places: Iterable[TopicPartition]) -> None:
        self._read([self._opened(place.topic, place.partition, place.offset) for place in places])

    def unassign(self) -> None:
        self._read([])

    def incremental_unassign(self, places: Iterable[TopicPartition]) -> None:
        gone = {(place.topic, place.partition) for place in places}
        self._read([each for each in self._partitions if (each.topic, each.number) not in gone])

    def subscribe(
        self, topics: Sequence[str], on_revoke: Callable[..., None] | None = None, on_lost: Callable[..., None] | None = None
    ) -> None:
        known = self._committed()
        places = [place for topic in topics for place in self.places(topic)]
        self._read([self._opened(each.topic, each.partition, known.get(_name_of(each), _NONE)[0]) for each in places])

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(each.topic, each.number) for each in self._partitions]

    def position(self, places: Iterable[TopicPartition]) -> list[TopicPartition]:
        found = {(each.topic, each.number): each.reader.position for each in self._partitions}
        return [TopicPartition(place.topic, place.partition, found[place.topic, place.partition]) for place in places]

    def pause(self, places: Iterable[TopicPartition]) -> None:
        self._set_paused(places, True)

    def resume(self, places: Iterable[TopicPartition]) -> None:
        self._set_paused(places, False)

    def poll(self, timeout: float = -1) -> LogMessage | None:
        found = self.consume(1, timeout)
        return found[0] if found else None

    def consume(self, num_messages: int = 1, timeout: float = -1) -> list[LogMessage]:
        """The records that are there, at most `num_messages`; waits up to `timeout` seconds for the first, or until `wake` is called."""
        until = self._monotonic() + timeout
        self._let_gather(timeout)
        found: list[LogMessage] = []
        if timeout <= 0 or not self._has_just_looked():
            found = self._look(num_messages)
        while not found and not self._is_woken and (left := until - self._monotonic()) > 0:
            self._wait(left)
            found = self._look(num_messages)
        self._is_woken = False
        return found

    def wake(self) -> None:
        """Ends the `consume` that waits, or else has the next one wait for nothing; from any thread, and from a signal handler."""
        self._is_woken = True
        self._bell.ring()

    def _has_just_looked(self) -> bool:
        """Whether the last look found nothing, a moment ago: who asks again and again for what comes looks once each time, not twice."""
        return self._found_nothing and self._monotonic() - self._looked_at < JUST_SECONDS

    def _look(self, num_messages: int) -> list[LogMessage]:
        found: list[LogMessage] = []
        for each in self._partitions:
            each.segments.refresh()
            found += each.take(num_messages - len(found), self._says_end)
        self._looked_at = self._monotonic()
        self._found_nothing = not found
        self._flowing = self._flowing + 1 if 0 < len(found) < num_messages else 0
        if found:
            self._poll_seconds = POLL_SECONDS
        return found

    def _let_gather(self, seconds: float) -> None:
        """Waits up to `seconds` until another process may have written enough to be worth a look."""
        if self._flowing >= FLOWING_LOOKS and not all(each.segments.has_writer for each in self._partitions):
            left = self._looked_at + GATHER_SECONDS - self._monotonic()
            if left > 0:
                self._sleep(min(left, max(0.0, seconds)))

    def commit(self, offsets: Sequence[TopicPartition] | None = None, asynchronous: bool = True) -> None:
        """Writes the offsets, by default of all that was read, into the file of the group.

        Raises:
            KafkaException: the file cannot be written.
        """
        if offsets is None:
            offsets = [TopicPartition(each.topic, each.number, each.reader.position) for each in self._partitions]
        known = self._committed() | {_name_of(each): (each.offset, each.metadata or "") for each in offsets}
        written = self._cursors.with_suffix(".new")
        try:
            self._cursors.parent.mkdir(parents=True, exist_ok=True)
            written.write_bytes(msgspec.json.encode({name: found if found[1] else found[0] for name, found in known.items()}))
            written.rename(self._cursors)
        except OSError as error:
            raise KafkaException(KafkaError(KafkaError._FS, str(error))) from error

    def committed(self, places: Sequence[TopicPartition], timeout: float = -1) -> list[TopicPartition]:
        """What stands in the file of the group."""
        known = self._committed()
        found = [(each, *known.get(_name_of(each), _NONE)) for each in places]
        return [TopicPartition(each.topic, each.partition, offset, metadata=text) for each, offset, text in found]

    def close(self) -> None:
        self._read([])

    def _committed(self) -> dict[str, tuple[int, str]]:
        """Offset and text by ``topic/partition``; an offset without a text stands alone in the file."""
        with contextlib.suppress(OSError, msgspec.DecodeError):  # without it, reading begins with the oldest record, and repeats are known
            read = _decode_cursors(self._cursors.read_bytes())
            return {name: (found, "") if isinstance(found, int) else found for name, found in read.items()}
        return {}

    def _opened(self, topic: str, number: int, offset: int) -> _Partition:
        return _Partition(topic, number, self._segments(topic, number), self._short(topic), max(0, offset))

    def _segments(self, topic: str, number: int) -> Segments:
        return segments_of(self._folder, self._logs[self._short(topic)][number])

    def _short(self, topic: str) -> str:
        return topic.removeprefix(self._prefix)

    def _set_paused(self, places: Iterable[TopicPartition], paused: bool) -> None:
        named = {(place.topic, place.partition) for place in places}
        for each in self._partitions:
            if (each.topic, each.number) in named:
                each.paused = paused
        self._found_nothing = False

    def _read(self, partitions: list[_Partition]) -> None:
        """Reads these partitions from now on; until it waits for their records for the first time, nothing rings."""
        self._awaited.clear()
        self._partitions = partitions
        self._found_nothing = False

    def _wait(self, seconds: float) -> None:
        """Waits until records have come, where that is told; else for a moment."""
        logs = {each.segments: [other.short for other in self._partitions if other.segments is each.segments] for each in self._partitions}
        if self._awaited.add(logs):
            return
        if self._awaited.are_told:
            self._bell.wait(seconds)
        else:
            self._bell.wait(min(seconds, self._poll_seconds))
            self._poll_seconds = min(1.2 * self._poll_seconds, POLL_SECONDS_MAX)


def _name_of(place: TopicPartition) -> str:
    return f"{place.topic}/{place.partition}"


def _high_of(segments: Segments, short: str) -> int:
    """The offset after the last record of the topic `short`."""
    return segments.last(short) + 1
