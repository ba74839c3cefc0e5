"""Training data as it was served: the archive's decisions and labels, and from the topics what is not archived yet."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator

import msgspec
import pyarrow as pa
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from features.refusal import Refusal
from pipeline.archived_values import ArchivedValues
from pipeline.deliver_job import order_of
from pipeline.kafka import BATCH_MAX, SECONDS_MAX, ControlTopic, Offsets, consumer_of, ends_of, is_end, partition_of, place_of
from pipeline.label_resolver import read_label
from pipeline.replay import Progress
from pipeline.settings import Settings
from pipeline.stages.definitions import Definitions
from pipeline.training_source import EVENT_TIME, LABELS, ORDER, decision_batch, texts_or_null

log = logging.getLogger(__name__)

Number = float | None


class _ModelScore(msgspec.Struct):
    score: Number


class _Served(msgspec.Struct):
    """What training needs of `pipeline.decision.Decision`."""

    event_id: str
    revision: int
    event_time: int
    user: str
    entities: dict[str, str]
    score: Number
    action: str
    release: int
    event: dict[str, Number] = {}
    features: dict[str, Number] = {}
    models: dict[str, _ModelScore] = {}
    flags: list[str] = []


_decode = msgspec.json.Decoder(_Served).decode


class ServedSource:
    """Decisions and labels of a running system. Partitions are read one after the other, so that the first decision stays so.

    Args:
        settings: where the broker and the archive are.
        progress: told of the records of the decisions topic that are done.
        from_ms, to_ms: event times that are asked for, the end left out; what the archive has outside is not read.
    """

    def __init__(
        self, settings: Settings, progress: Progress = lambda done, total: None, from_ms: int | None = None, to_ms: int | None = None
    ) -> None:
        self._settings = settings
        self._progress = progress
        self._span_ms = (from_ms, to_ms)
        self._unreadable = 0
        self._bad_labels = 0

    def decisions(self) -> Iterator[pa.RecordBatch]:
        """What the archive and then the topic ``decisions`` holds."""
        definitions = read_definitions(self._settings)
        for values in self._values(ArchivedValues(self._settings, "decisions", *self._span_ms), "decisions", self._progress):
            alike = defaultdict(list)
            for value in values:
                try:
                    served = _decode(value)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    self._unreadable += 1
                    continue
                alike[served.release, tuple(served.entities), tuple(served.event), tuple(served.features), tuple(served.models)].append(
                    served
                )
            for release, rows in ((key[0], rows) for key, rows in alike.items()):
                yield _columns(rows, _integer_ids(definitions, release))

    def labels(self) -> Iterator[pa.RecordBatch]:
        """What the archive and then the topic ``labels`` holds; one that is no label is left out."""
        for values in self._values(ArchivedValues(self._settings, "labels"), "labels"):
            read = []
            for value in values:
                try:
                    read.append(read_label(value))
                except Refusal:  # the label job has made it a dead letter
                    self._bad_labels += 1
            columns = [pa.array([each[part] for each in read], type) for part, type in enumerate(LABELS.types)]
            yield pa.RecordBatch.from_arrays(columns, schema=LABELS)

    def _values(self, archived: ArchivedValues, topic: str, progress: Progress = lambda done, total: None) -> Iterator[list[bytes]]:
        yield from archived
        yield from values_of(self._settings, topic, progress, archived)

    def remarks(self) -> str:
        """How many records were no decisions and no labels."""
        left_out = {"records that are no decision": self._unreadable, "bad labels": self._bad_labels}
        return ", ".join(f"{count:,} {what} left out" for what, count in left_out.items() if count)


def read_definitions(settings: Settings) -> Definitions:
    """What the control topic holds now.

    Raises:
        Refusal: there is no such topic, or the broker does not answer.
    """
    control = None
    try:
        ends_or_refusal(settings, "control")
        control = ControlTopic(settings)
        control.read_to_end()
    except KafkaException as error:
        raise _no_answer(settings, error) from error
    finally:
        if control is not None:
            control.close()
    return control.definitions


def values_of(
    settings: Settings, topic: str, progress: Progress = lambda done, total: None, archived: ArchivedValues | None = None
) -> Iterator[list[bytes]]:
    """The values of a topic up to the end that it has at the call, a partition after the other.

    Args:
        archived: leaves out what this has given out.

    Raises:
        Refusal: there is no such topic, or the broker does not answer.
    """
    ends = ends_or_refusal(settings, topic)
    consumer = consumer_of(settings, "export", **{"enable.partition.eof": True})
    total, before = sum(ends.values()), 0
    try:
        for place, end in sorted(ends.items(), key=lambda each: partition_of(each[0])):
            for values, at in _partition(consumer, settings, place, end, archived):
                yield values
                progress(before + at, total)
            before += end
    finally:
        consumer.close()


def ends_or_refusal(settings: Settings, topic: str) -> Offsets:
    """The end of each partition of `topic`.

    Raises:
        Refusal: there is no such topic, or the broker does not answer.
    """
    consumer = consumer_of(settings, "export")
    name = settings.topic(topic)
    try:
        ends = ends_of(consumer, [name])
    except KafkaException as error:
        raise _no_answer(settings, error) from error
    finally:
        consumer.close()
    if not ends:
        remedy = "WEIR_BOOTSTRAP and WEIR_TOPIC_PREFIX say where the system is"
        raise Refusal("no such topic", where=settings.bootstrap, expected="the topics of a running system", got=name, remedy=remedy)
    return ends


def _partition(
    consumer: Consumer, settings: Settings, place: str, end: int, archived: ArchivedValues | None
) -> Iterator[tuple[list[bytes], int]]:
    """Values of a partition from its oldest record on, or from where it is not archived, and the place after them."""
    topic, partition = partition_of(place)
    start = archived.start(partition, end) if archived else 0
    consumer.assign([TopicPartition(topic, partition, start or OFFSET_BEGINNING)])
    at, heard = 0, time.monotonic()
    while at < end:
        values = []
        for message in consumer.consume(BATCH_MAX, 0.5):
            if message.error() and not is_end(message):
                log.warning("consumer: %s", message.error())
            elif place_of(message) == place:
                heard = time.monotonic()
                offset = message.offset() or 0
                at = end if is_end(message) else min(offset + 1, end)
                if not is_end(message) and offset < end and not (archived and archived.holds(partition, offset)):
                    values.append(message.value() or b"")
        if values:
            yield values, at
        elif time.monotonic() - heard > SECONDS_MAX:
            raise _no_answer(settings, f"no record of {place} in {SECONDS_MAX:g} s")


def _no_answer(settings: Settings, error: object) -> Refusal:
    remedy = "WEIR_BOOTSTRAP says where the broker is"
    return Refusal("no answer from the broker", where=settings.bootstrap, expected="its records", got=str(error), remedy=remedy)


def _integer_ids(definitions: Definitions, release: int) -> bool:
    known = definitions.releases.get(release) or definitions.newest
    return known is not None and known.schema.id_type == "integer"


def _columns(rows: list[_Served], integer: bool) -> pa.RecordBatch:
    """Decisions with the same entities, fields, features and models."""
    texts, number = pa.string(), pa.float64()
    fixed = {
        ORDER: pa.array([order_of(row.event_id, integer) for row in rows], pa.binary()),
        "event_id": pa.array([row.event_id for row in rows], texts),
        "revision": pa.array([row.revision for row in rows], pa.int32()),
        "event_time": pa.array([row.event_time for row in rows], pa.int64()).cast(EVENT_TIME),
        "user": pa.array([row.user for row in rows], texts),
        "score": pa.array([row.score for row in rows], number),
        "action": pa.array([row.action for row in rows], texts),
        "release": pa.array([row.release for row in rows], pa.int32()),
        "flags": pa.array([row.flags for row in rows], pa.list_(texts)),
    }
    one = rows[0]
    groups = {
        "entity": {kind: texts_or_null([row.entities[kind] for row in rows]) for kind in one.entities},
        "event": {name: pa.array([row.event[name] for row in rows], number) for name in one.event},
        "feature": {name: pa.array([row.features[name] for row in rows], number) for name in one.features},
        "model": {name: pa.array([row.models[name].score for row in rows], number) for name in one.models},
    }
    return decision_batch(fixed, groups)
