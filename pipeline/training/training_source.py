"""A source of training data gives decisions and labels as columns, whatever holds them."""

from collections.abc import Iterator, Mapping
from typing import Protocol

import pyarrow as pa

EVENT_TIME = pa.timestamp("ms", tz="UTC")

BEFORE_GROUPS = {"event_id": pa.string(), "revision": pa.int32(), "event_time": EVENT_TIME, "user": pa.string()}
GROUPS = ("entity", "event", "feature", "model")
AFTER_GROUPS = {
    "score": pa.float64(),
    "probability": pa.float64(),
    "probability_low": pa.float64(),
    "probability_high": pa.float64(),
    "action": pa.string(),
    "decided_by": pa.string(),
    "matches": pa.list_(pa.string()),
    "match_count": pa.int32(),
    "release": pa.int32(),
    "flags": pa.list_(pa.string()),
}
"""The probability and the ends of its interval are null where there was none, as on the raw scale. `decided_by` is null where a decision
from before it was recorded does not say; `matches` are the ids of the rules that matched."""
ORDER = "order"
"""The column that sorts events of the same time, as `features.schema.event.Event.order` does; it is not exported."""

LABELS = pa.schema({"event_id": pa.string(), "user": pa.string(), "label": pa.int8(), "label_time": pa.int64(), "rank": pa.int8()})
"""The user is null if a label names none; the label is then about the only event with that id, or about none. The rank is that of the
label's source, see `features.schema.label_sources`."""


class TrainingSource(Protocol):
    """Gives decisions and the labels of their events. Both are read once, the decisions first."""

    def decisions(self) -> Iterator[pa.RecordBatch]:
        """Gives batches as `decision_batch` makes them, each of one release, in no particular order.

        Of several decisions with the same primary entity, event id and revision, the first one counts.

        Raises:
            Refusal: they cannot be read.
        """

    def labels(self) -> Iterator[pa.RecordBatch]:
        """Gives batches of the schema `LABELS`, label times in ms since the epoch, in no particular order.

        Raises:
            Refusal: they cannot be read.
        """

    def strangers(self) -> int:
        """The number of labels that `labels` leaves out because their event is unknown."""

    def remarks(self) -> list[str]:
        """Says what was left out on reading, one line for each reason."""


def decision_batch(fixed: Mapping[str, pa.Array], groups: Mapping[str, Mapping[str, pa.Array]]) -> pa.RecordBatch:
    """Makes a batch of decisions: the columns `fixed` under their names, with `ORDER`, and those of each group as ``group.name``."""
    named = {f"{group}.{name}": values for group in GROUPS for name, values in groups[group].items()}
    columns = {name: fixed[name] for name in (ORDER, *BEFORE_GROUPS)} | named | {name: fixed[name] for name in AFTER_GROUPS}
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def type_in_group(name: str) -> pa.DataType:
    """Gives the type of a column that belongs to one of `GROUPS`."""
    return pa.string() if name.startswith("entity.") else pa.float64()


def texts_or_null(texts: list[str]) -> pa.Array:
    """Makes a column of texts in which an empty text is null."""
    return pa.array([text or None for text in texts], pa.string())
