"""An index in memory chooses which decisions become rows of training data, in which order and with which label."""

from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.windows.row_label import standings
from foundation.refusal import Refusal
from pipeline.training.training_source import ORDER

ROWS_MAX = 20_000_000
"""The most decisions, and the most labels, of one export; the index and its sorting take about 180 bytes for each."""

Kind = TypeVar("Kind", bound=np.generic)

ALWAYS = (-(1 << 62), 1 << 62)


@dataclass(slots=True)
class Chosen:
    """Rows to write, in order.

    Args:
        files, batches, rows: the place of each row in the spool.
        newest: whether the row has the highest revision of its event.
        labels: 0 or 1, or -1 for none.
        label_times_ms: in ms since the epoch; meaningless without a label.
        repeats: number of decisions left out because an earlier one has the same primary entity, event id and revision.
        strangers: number of labels left out because their event was not decided.
        ambiguous: number of labels left out because they name no primary entity and several have an event with their id.
    """

    files: NDArray[np.int32]
    batches: NDArray[np.int32]
    rows: NDArray[np.int32]
    newest: NDArray[np.bool_]
    labels: NDArray[np.int8]
    label_times_ms: NDArray[np.int64]
    repeats: int
    strangers: int
    ambiguous: int


@dataclass(slots=True)
class _Events:
    """The events that were decided, each a pair of event id and primary entity, in the order of their numbers."""

    ids: pa.Array
    users: pa.Array
    pairs: NDArray[np.int64]

    def of(self, ids: pa.Array, users: pa.Array) -> NDArray[np.int64]:
        """Gives the number of the event that each pair means, -1 for none and -2 for several; the primary entity may be null."""
        id_codes, user_codes = _codes(ids, self.ids), _codes(users, self.users)
        named = users.is_valid().to_numpy(zero_copy_only=False)
        first = np.where(named, id_codes * len(self.users) + user_codes, id_codes * len(self.users))
        last = np.where(named, first, first + len(self.users) - 1)
        start, end = np.searchsorted(self.pairs, first, side="left"), np.searchsorted(self.pairs, last, side="right")
        end = np.where((id_codes < 0) | (named & (user_codes < 0)), start, end)
        return np.where(end - start == 1, start, np.where(end > start, -2, -1))


def _codes(values: pa.Array, known: pa.Array) -> NDArray[np.int64]:
    codes: NDArray[np.int64] = pc.fill_null(pc.index_in(values, value_set=known), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


@dataclass(slots=True)
class TrainingRows:
    """Gathers the keys of decisions and labels, in the order in which they come."""

    _ids: list[pa.Array] = field(default_factory=list)
    _users: list[pa.Array] = field(default_factory=list)
    _orders: list[pa.Array] = field(default_factory=list)
    _times_ms: list[NDArray[np.int64]] = field(default_factory=list)
    _revisions: list[NDArray[np.int32]] = field(default_factory=list)
    _retracted: list[NDArray[np.bool_]] = field(default_factory=list)
    _places: list[tuple[int, int, int]] = field(default_factory=list)
    _label_ids: list[pa.Array] = field(default_factory=list)
    _label_users: list[pa.Array] = field(default_factory=list)
    _labels: list[NDArray[np.int8]] = field(default_factory=list)
    _label_times_ms: list[NDArray[np.int64]] = field(default_factory=list)
    _standings: list[NDArray[np.int64]] = field(default_factory=list)
    _decisions_in_all: int = 0
    _labels_in_all: int = 0

    def add(self, batch: pa.RecordBatch, file: int, number: int) -> None:
        """Notes decisions that the spool keeps as batch `number` of `file`.

        Raises:
            Refusal: there are more than `ROWS_MAX`.
        """
        self._decisions_in_all += len(batch)
        _check(self._decisions_in_all, "decisions")
        self._ids.append(batch["event_id"].cast(pa.large_string()))
        self._users.append(batch["user"].cast(pa.large_string()))
        self._orders.append(batch[ORDER].cast(pa.large_binary()))
        self._times_ms.append(batch["event_time"].cast(pa.int64()).to_numpy())
        self._revisions.append(batch["revision"].to_numpy())
        self._retracted.append(np.array(["retracted" in flags for flags in batch["flags"].to_pylist()], np.bool_))
        self._places.append((file, number, len(batch)))

    def add_labels(self, batch: pa.RecordBatch) -> None:
        """Notes a batch of labels.

        Raises:
            Refusal: there are more than `ROWS_MAX`.
        """
        self._labels_in_all += len(batch)
        _check(self._labels_in_all, "labels")
        self._label_ids.append(batch["event_id"].cast(pa.large_string()))
        self._label_users.append(batch["user"].cast(pa.large_string()))
        self._labels.append(batch["label"].to_numpy())
        self._label_times_ms.append(batch["label_time"].to_numpy())
        self._standings.append(standings(*(batch[name].to_numpy() for name in ("label", "label_time", "rank"))))

    def choose(self, span_ms: tuple[int, int] = ALWAYS) -> Chosen:
        """Chooses the first decision of each (primary entity, event id, revision) with an event time in `span_ms`, whose end is exclusive.

        The rows are sorted by (event time, event id, revision). Each has the label of its event that stands
        (`features.schema.label_sources`), or none if the event was retracted.
        """
        decided, events = self._events()
        times_ms = _joined(self._times_ms, np.int64)
        first, newest, taken_back = self._revisions_of(events, len(decided.pairs))
        keys = {"time": pa.array(times_ms), "order": pa.chunked_array(self._orders, pa.large_binary())}
        table = pa.table(keys | {"revision": pa.array(_joined(self._revisions, np.int32))})
        order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in table.column_names]).to_numpy()
        wanted = first & (times_ms >= span_ms[0]) & (times_ms < span_ms[1])
        order = order[wanted[order]]
        labels, label_times_ms, found = self._labels_of(decided)
        labels[taken_back] = -1
        files, batches, rows = self._all_places()
        own = events[order]
        return Chosen(
            files[order],
            batches[order],
            rows[order],
            newest[order],
            labels[own],
            label_times_ms[own],
            int(len(first) - first.sum()),
            int((found == -1).sum()),
            int((found == -2).sum()),
        )

    def _events(self) -> tuple[_Events, NDArray[np.int64]]:
        """Gives all events, and for each decision the number of its event."""
        ids = pa.chunked_array(self._ids, pa.large_string()).combine_chunks().dictionary_encode()
        users = pa.chunked_array(self._users, pa.large_string()).combine_chunks().dictionary_encode()
        pairs = ids.indices.to_numpy().astype(np.int64) * len(users.dictionary) + users.indices.to_numpy()
        own, events = np.unique(pairs, return_inverse=True)
        return _Events(ids.dictionary, users.dictionary, own), events

    def _revisions_of(self, events: NDArray[np.int64], count: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """By decision: whether it is the first of its event and revision, and whether of the newest revision; by event: taken back."""
        revisions = _joined(self._revisions, np.int32)
        place = np.lexsort((revisions, events))  # stable: of equal ones the first stays first
        starts = np.append(True, (np.diff(events[place]) != 0) | (np.diff(revisions[place]) != 0))[: len(place)]
        kept = place[starts]
        last = kept[np.append(np.diff(events[kept]) != 0, True)[: len(kept)]]
        first, newest, taken_back = np.zeros(len(events), np.bool_), np.zeros(len(events), np.bool_), np.zeros(count, np.bool_)
        first[kept], newest[last] = True, True
        taken_back[events[last]] = _joined(self._retracted, np.bool_)[last]
        return first, newest, taken_back

    def _labels_of(self, decided: _Events) -> tuple[NDArray[np.int8], NDArray[np.int64], NDArray[np.int64]]:
        """By event: the label that stands, -1 for none, and its time; and by label what `_Events.of` says."""
        labels, times_ms = np.full(len(decided.pairs), -1, np.int8), np.zeros(len(decided.pairs), np.int64)
        ids, users = (pa.chunked_array(each, pa.large_string()).combine_chunks() for each in (self._label_ids, self._label_users))
        found = decided.of(ids, users)
        all_times_ms, all_labels = _joined(self._label_times_ms, np.int64), _joined(self._labels, np.int8)
        place = np.lexsort((_joined(self._standings, np.int64), found))
        standing = place[np.append(np.diff(found[place]) != 0, True)[: len(place)]]
        standing = standing[found[standing] >= 0]
        labels[found[standing]], times_ms[found[standing]] = all_labels[standing], all_times_ms[standing]
        return labels, times_ms, found

    def _all_places(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        files = [np.full(rows, file, np.int32) for file, _, rows in self._places]
        batches = [np.full(rows, number, np.int32) for _, number, rows in self._places]
        within = [np.arange(rows, dtype=np.int32) for _, _, rows in self._places]
        return _joined(files, np.int32), _joined(batches, np.int32), _joined(within, np.int32)


def _joined(parts: list[NDArray[Kind]], kind: type[Kind]) -> NDArray[Kind]:
    return np.concatenate(parts) if parts else np.empty(0, kind)


def _check(count: int, what: str) -> None:
    if count > ROWS_MAX:
        remedy = "export fewer events at a time"
        raise Refusal(f"too many {what}", where="export", expected=f"at most {ROWS_MAX:,}", got=f"more than {ROWS_MAX:,}", remedy=remedy)
