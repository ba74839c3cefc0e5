"""The log of a solo system is carried into Kafka, so that a score job that starts there begins with the same history.

Each record keeps its key, its value and its time, and gets a header with its place in the log. What a topic holds already is known by that
header: so a run that was broken off may be repeated, and one more run carries what the log has got since. Streams are carried whole, in
the order of the log, and of the topics that keep the newest record of each key only that one. Events come last: a job that finds them
finds everything that they are decided with.
"""

import pathlib
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from confluent_kafka import Message
from numpy.typing import NDArray

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.kafka import Outbox, consumer_of, ends_of, producer_of, read_until
from pipeline.control.topic_values import ends_or_refusal
from pipeline.log.frame import LogRecord
from pipeline.log.log_folder import INPUT, LOGS
from pipeline.log.reader import LogReader
from pipeline.log.segments import Segments
from pipeline.wire.declaration import RELEASE_KEY

NEWEST = ("control", "models", "facts", "entries")
"""The topics of which the newest record of each key is carried."""
STREAMS = ("labels-resolved", "labels", "events")
PLACE_HEADER = "weir-place-in-log"
READ_AT_ONCE = 5_000
_OTHER_TOPICS = "give the new system topics of its own: another folder, or another WEIR_TOPIC_PREFIX"


@dataclass(slots=True)
class Carried:
    """How many records of each topic were written, and how many it held already."""

    written: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)


class _Held:
    """The places in the log of the records that a topic holds."""

    def __init__(self) -> None:
        self.others = 0
        """The number of records that were not carried, releases alone where the topic is that of definitions."""
        self._places, self._times_ms = array("q"), array("q")
        self._sorted: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def add(self, messages: list[Message]) -> None:
        for message in messages:
            place = dict(message.headers() or ()).get(PLACE_HEADER)
            if place is not None:
                self._places.append(int(place))
                self._times_ms.append(message.timestamp()[1])
            elif (message.key() or b"").startswith(RELEASE_KEY.encode()) or not message.topic().endswith("control"):
                self.others += 1

    def has(self, record: LogRecord, topic: str) -> bool:
        """Whether the topic holds `record`.

        Raises:
            Refusal: what it holds from this place is the record of another log.
        """
        if self._sorted is None:
            places = np.array(self._places, np.int64)
            order = np.argsort(places, kind="stable")
            self._sorted = places[order], np.array(self._times_ms, np.int64)[order]
        places, times_ms = self._sorted
        at = int(np.searchsorted(places, record.ordinal))
        if at == len(places) or places[at] != record.ordinal:
            return False
        if times_ms[at] != record.at_ms:
            got = f"record {record.ordinal} with the time {times_ms[at]} in place of {record.at_ms}"
            raise Refusal("history of another log", where=topic, expected="no records, or those of this log", got=got, remedy=_OTHER_TOPICS)
        return True


def carry_log(settings: Settings, folder: pathlib.Path, dry_run: bool = False) -> Carried:
    """Writes what the log of the solo system in `folder` holds into the topics of `settings`, as far as they lack it.

    Raises:
        Refusal: there is no log in the folder, the broker does not answer or has no topics, these hold other records, or their score job
            has begun to decide.
        KafkaException: the broker did not acknowledge all records; the call may be repeated.
    """
    segments = _segments_in(folder)
    held = {topic: _held(settings, topic) for topic in (*NEWEST, *STREAMS)}
    for topic in ("control", *STREAMS):
        if held[topic].others:
            what, expected = "topic in use", "no records but those that were carried from this log"
            got = f"{held[topic].others:,} others"
            raise Refusal(what, where=settings.topic(topic), expected=expected, got=got, remedy=_OTHER_TOPICS)
    begun = sum(ends_or_refusal(settings, "decisions").values())
    carried, outbox = Carried(), Outbox(producer_of(settings))
    for record in (*_newest(segments), *_streams(segments)):
        topic = settings.topic(record.topic)
        if held[record.topic].has(record, topic):
            carried.known[record.topic] += 1
            continue
        if begun:
            raise _job_has_begun(settings, record)
        carried.written[record.topic] += 1
        if not dry_run:
            outbox.send(topic, record.key, record.value, timestamp=record.at_ms, headers=[(PLACE_HEADER, str(record.ordinal).encode())])
    outbox.flush()
    return carried


def report(carried: Carried, dry_run: bool) -> str:
    """Says how many records of each topic were written, and how many were there already."""
    done = "would be written" if dry_run else "written"
    total = f"{carried.written.total():,} records {done}, {carried.known.total():,} were there already"
    lines = [f"{carried.written[topic]:>9,}  {topic}" for topic in (*NEWEST, *STREAMS) if carried.written[topic]]
    return "\n".join([total, *lines])


def _segments_in(folder: pathlib.Path) -> Segments:
    segments = Segments(folder.joinpath(*LOGS) / INPUT)
    segments.refresh()
    if not segments.all:
        expected = "the folder of a solo system"
        raise Refusal("no log", where=str(folder), expected=expected, got=f"no segment in {segments.folder}", remedy="name its folder")
    return segments


def _newest(segments: Segments) -> Iterator[LogRecord]:
    """The newest record of each key of the topics `NEWEST`, in the order of the log; one without a value takes the key off."""
    newest = {(record.topic, record.key): record for record in _records(segments, NEWEST)}
    yield from sorted(newest.values(), key=lambda record: record.ordinal)


def _streams(segments: Segments) -> Iterator[LogRecord]:
    for topic in STREAMS:
        yield from _records(segments, (topic,))


def _records(segments: Segments, topics: tuple[str, ...]) -> Iterator[LogRecord]:
    reader = LogReader(segments, topics)
    while records := reader.read(READ_AT_ONCE):
        yield from records


def _held(settings: Settings, topic: str) -> _Held:
    ends_or_refusal(settings, topic)
    held = _Held()
    consumer = consumer_of(settings, "carry", **{"enable.partition.eof": True})
    try:
        read_until(consumer, {}, ends_of(consumer, [settings.topic(topic)]), held.add, lambda: False)
    finally:
        consumer.close()
    return held


def _job_has_begun(settings: Settings, record: LogRecord) -> Refusal:
    return Refusal(
        "the score job has begun to decide",
        where=settings.topic("decisions"),
        expected="no decisions before all of the log is there, because the job sorts only what it finds at its start",
        got=f"decisions, and no record {record.ordinal} of {record.topic}",
        remedy=_OTHER_TOPICS,
    )
