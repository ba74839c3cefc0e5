"""Training data as it was served is read here: decisions and labels of the archive, and those of Kafka that are not archived yet."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec
import pyarrow as pa

from features.schema.label_sources import ANY_SOURCE
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.definitions import Definitions
from pipeline.control.progress import Progress
from pipeline.control.topic_values import read_definitions
from pipeline.engine.isolation import one_by_one
from pipeline.learning.read_label import read_label
from pipeline.sinks.deliver_job import order_of
from pipeline.training.recorded_values import recorded_values
from pipeline.training.training_source import EVENT_TIME, LABELS, ORDER, decision_batch, texts_or_null
from stores.archive.archive_rows import DAY_MS

Number = float | None


class _ModelScore(msgspec.Struct):
    score: Number


class _Match(msgspec.Struct):
    pattern: str


class _Served(msgspec.Struct):
    """The fields of `pipeline.engine.decisions.decision.Decision` that training needs."""

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
    decided_by: str | None = None
    matches: list[_Match] = []
    match_count: int = 0
    probability: Number = None
    probability_interval: tuple[Number, Number] = (None, None)


_decode = msgspec.json.Decoder(_Served).decode


class ServedSource:
    """Gives the decisions and labels of a running system; it reads each partition in order, so that first decisions come first.

    Args:
        settings: name the broker and the archive.
        from_ms, to_ms: archived decisions with event times outside [from_ms, to_ms) are left out; one day more is read on each side, as a
            correction may have moved an event. None for no bound.
        progress: is called with records of the decisions topic that are done, and their number in all.
    """

    def __init__(
        self,
        settings: Settings,
        from_ms: int | None = None,
        to_ms: int | None = None,
        progress: Progress = lambda done, total: None,
    ) -> None:
        self._settings = settings
        self._from_ms = None if from_ms is None else from_ms - DAY_MS
        self._to_ms = None if to_ms is None else to_ms + DAY_MS
        self._progress = progress
        self._unreadable = 0
        self._bad_labels = 0

    def decisions(self) -> Iterator[pa.RecordBatch]:
        """Gives batches of the decisions that were written to the topic ``decisions``."""
        definitions = read_definitions(self._settings)
        for values in recorded_values(self._settings, "decisions", self._from_ms, self._to_ms, self._progress):
            alike = defaultdict(list)
            for value in values:
                try:
                    served = _decode(value)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    self._unreadable += 1
                    continue
                alike[served.release, tuple(served.entities), tuple(served.event), tuple(served.features), tuple(served.models)].append(
                    served
                )
            for release, rows in ((key[0], rows) for key, rows in alike.items()):
                columns = partial(_columns, integer=_integer_ids(definitions, release))
                yield from (batch for batch in one_by_one(rows, columns, lambda: None, self._set_aside) if batch is not None)

    def _set_aside(self, served: _Served, error: Exception) -> None:
        """Counts a decision whose numbers no column can hold; only somebody else than the score job can have written it."""
        self._unreadable += 1

    def labels(self) -> Iterator[pa.RecordBatch]:
        """Gives the labels of the topic ``labels``, archived ones from `from_ms` on; records that are no labels are left out."""
        newest = read_definitions(self._settings).newest
        sources = newest.schema.label_sources if newest is not None else ANY_SOURCE
        for values in recorded_values(self._settings, "labels", self._from_ms):
            read = []
            for value in values:
                try:
                    label = read_label(value, 0)
                    read.append((*label.event, label.label, label.time_ms, sources.rank(label.source)))
                except Refusal:  # the label job has made it a dead letter
                    self._bad_labels += 1
            columns = [pa.array([each[part] for each in read], type) for part, type in enumerate(LABELS.types)]
            yield pa.RecordBatch.from_arrays(columns, schema=LABELS)

    def strangers(self) -> int:
        """Gives 0, as no label is left out."""
        return 0

    def remarks(self) -> list[str]:
        """Says how many records were no decisions, and how many were no labels."""
        left_out = {"records that are no decision": self._unreadable, "bad labels": self._bad_labels}
        return [f"left out    {count:,} {what}" for what, count in left_out.items() if count]


def _integer_ids(definitions: Definitions, release: int) -> bool:
    known = definitions.releases.nearest(release)
    return known is not None and known.schema.id_type == "integer"


def _columns(rows: Sequence[_Served], integer: bool) -> pa.RecordBatch | None:
    """Makes columns of decisions that all have the same entities, fields, features and models."""
    texts, number = pa.string(), pa.float64()
    fixed = {
        ORDER: pa.array([order_of(row.event_id, integer) for row in rows], pa.binary()),
        "event_id": pa.array([row.event_id for row in rows], texts),
        "revision": pa.array([row.revision for row in rows], pa.int32()),
        "event_time": pa.array([row.event_time for row in rows], pa.int64()).cast(EVENT_TIME),
        "user": pa.array([row.user for row in rows], texts),
        "score": pa.array([row.score for row in rows], number),
        "probability": pa.array([row.probability for row in rows], number),
        "probability_low": pa.array([row.probability_interval[0] for row in rows], number),
        "probability_high": pa.array([row.probability_interval[1] for row in rows], number),
        "action": pa.array([row.action for row in rows], texts),
        "decided_by": pa.array([row.decided_by for row in rows], texts),
        "matches": pa.array([[match.pattern for match in row.matches] for row in rows], pa.list_(texts)),
        "match_count": pa.array([row.match_count for row in rows], pa.int32()),
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
