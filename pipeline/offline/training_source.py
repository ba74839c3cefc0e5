"""Where training data comes from: decisions and labels as columns, whatever holds them."""

from collections.abc import Iterator, Mapping
from typing import Protocol

import pyarrow as pa

EVENT_TIME = pa.timestamp("ms", tz="UTC")

BEFORE_GROUPS = {"event_id": pa.string(), "revision": pa.int32(), "event_time": EVENT_TIME, "user": pa.string()}
GROUPS = ("entity", "event", "feature", "model")
AFTER_GROUPS = {
    "score": pa.float64(),
    "action": pa.string(),
    "decided_by": pa.string(),
    "matches": pa.list_(pa.string()),
    "match_count": pa.int32(),
    "release": pa.int32(),
    "flags": pa.list_(pa.string()),
}
"""`decided_by` is null where a decision from before it was recorded does not say; `matches` are the ids of the rules that matched."""
ORDER = "order"
"""What sorts events of one time, as `features.schema.event.Event.order`; not exported."""

LABELS = pa.schema({"event_id": pa.string(), "user": pa.string(), "label": pa.int8(), "label_time": pa.int64()})
"""The user is null where a label names none: it is then about the one event that has the id, or about none."""


class TrainingSource(Protocol):
    """Holds decisions and the labels of their events. Both are read once, the decisions first."""

    def decisions(self) -> Iterator[pa.RecordBatch]:
        """Batches as `decision_batch` makes them, each of one release.

        Of several with the same user, event id and revision the first one counts. In no particular order.

        Raises:
            Refusal: they cannot be read.
        """

    def labels(self) -> Iterator[pa.RecordBatch]:
        """Batches of the schema `LABELS`, label times in ms; of an event's labels with one time the last one counts.

        Raises:
            Refusal: they cannot be read.
        """

    def strangers(self) -> int:
        """How many labels are not among `labels` because their event is unknown."""

    def remarks(self) -> list[str]:
        """What was left out on reading, a line for each reason; none when nothing was."""


def decision_batch(fixed: Mapping[str, pa.Array], groups: Mapping[str, Mapping[str, pa.Array]]) -> pa.RecordBatch:
    """Decisions as columns: `fixed` by name with `ORDER`, and those of each of `GROUPS` as ``group.name``."""
    named = {f"{group}.{name}": values for group in GROUPS for name, values in groups[group].items()}
    columns = {name: fixed[name] for name in (ORDER, *BEFORE_GROUPS)} | named | {name: fixed[name] for name in AFTER_GROUPS}
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def type_in_group(name: str) -> pa.DataType:
    """The type of a column of one of `GROUPS`."""
    return pa.string() if name.startswith("entity.") else pa.float64()


def texts_or_null(texts: list[str]) -> pa.Array:
    """Texts of which an empty one is missing."""
    return pa.array([text or None for text in texts], pa.string())
