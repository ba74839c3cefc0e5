"""Training data is made here by replaying recorded events under a configuration."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.layout.layout import RETRACTED, WARMING
from features.schema.batch import Batch
from patterns.entries import Change
from patterns.policy import ACTIONS, DECIDERS
from pipeline.control.progress import Progress
from pipeline.engine.decisions.decision import flag_names
from pipeline.engine.decisions.verdicts import UNDECIDED, Verdicts
from pipeline.engine.definitions.release import Release
from pipeline.engine.event_keys import SEVERAL_EVENTS, Labels, rows_of_labels
from pipeline.engine.fact_record import FactRecord
from pipeline.replay.decisions_file import PROBABILITY_COLUMNS, patterns_of
from pipeline.replay.replay import Replay
from pipeline.sinks.deliver_job import order_of
from pipeline.tables.event_files import History
from pipeline.training.training_source import EVENT_TIME, LABELS, ORDER, decision_batch, texts_or_null

_LABELS_A_BATCH = 65_536


class ReplayedSource:
    """Gives the decisions of one replay, and the labels that the replay used.

    Args:
        release: the definitions to score by.
        history: events in the order of scoring.
        labels: each label is used from its label time on; ``None`` for no labels.
        progress: is called with events done and events in all.
        facts, entries: see `Replay`.
    """

    def __init__(
        self,
        release: Release,
        history: History,
        labels: Labels | None,
        progress: Progress = lambda done, total: None,
        facts: Sequence[FactRecord] = (),
        entries: Sequence[Change] = (),
    ) -> None:
        self._release = release
        self._history = history
        self._labels = labels
        self._progress = progress
        self._facts = facts
        self._entries = entries
        self._ambiguous = 0

    def decisions(self) -> Iterator[pa.RecordBatch]:
        """Gives batches of decisions in the order of scoring."""
        done, total = 0, len(self._history.batch)
        for verdicts, batch in Replay(self._release, self._history, self._labels, facts=self._facts, entries=self._entries).scored():
            decided = np.flatnonzero(~verdicts.are(UNDECIDED))
            if len(decided):
                yield _columns(verdicts, batch, decided)
            done += len(batch)
            self._progress(done, total)

    def labels(self) -> Iterator[pa.RecordBatch]:
        """Gives labels in the order of their times; labels of events that the files do not hold are left out."""
        given, events = self._labels, self._history.batch
        if given is None or not len(events):
            return
        rows = rows_of_labels(self._history.recorded(), given)
        self._ambiguous = int((rows == SEVERAL_EVENTS).sum())
        known = np.flatnonzero(rows >= 0)
        for first in range(0, len(known), _LABELS_A_BATCH):
            chosen = known[first : first + _LABELS_A_BATCH]
            own = rows[chosen].tolist()
            ids, users = ([texts[row] for row in own] for texts in (events.ids, events.users))
            numbers = [pa.array(given.labels[chosen]), pa.array(given.times_ms[chosen]), pa.array(given.ranks[chosen])]
            yield pa.RecordBatch.from_arrays([pa.array(ids, pa.string()), pa.array(users, pa.string()), *numbers], schema=LABELS)

    def strangers(self) -> int:
        """The number of labels that were left out because the files do not hold their events."""
        return self._labels.unknown if self._labels is not None else 0

    def remarks(self) -> list[str]:
        """Says how many labels were ambiguous, and how many events and labels were refused, by reason with the first row of each."""
        several = f"left out    {self._ambiguous:,} labels that name no user, though several have an event with their id"
        return [several] * bool(self._ambiguous) + self._history.refused.summary()


def _columns(verdicts: Verdicts, batch: Batch, rows: NDArray[np.int64]) -> pa.RecordBatch:
    release, places = verdicts.release, rows.tolist()
    ids = [batch.ids[row] for row in places]
    integer = release.schema.id_type == "integer"
    fixed = {
        ORDER: pa.array([order_of(id, integer) for id in ids], pa.binary()),
        "event_id": pa.array(ids, pa.string()),
        "revision": pa.array(verdicts.revisions[rows].astype(np.int32)),
        "event_time": pa.array(batch.times_ms[rows]).cast(EVENT_TIME),
        "user": pa.array([batch.users[row] for row in places], pa.string()),
        "score": _numbers(verdicts.scores[rows]),
        **{name: _numbers(verdicts.calibrated[rows, column]) for column, name in enumerate(PROBABILITY_COLUMNS)},
        "action": pa.array([ACTIONS[code] for code in verdicts.actions[rows].tolist()], pa.string()),
        "decided_by": pa.array([DECIDERS[code] for code in verdicts.deciders[rows].tolist()], pa.string()),
        "matches": patterns_of(verdicts.matches.at(rows), release.rules),
        "match_count": pa.array(verdicts.matches.counts[rows].astype(np.int32)),
        "release": pa.array(np.full(len(rows), release.id, np.int32)),
        "flags": pa.array(_flags(verdicts, rows), pa.list_(pa.string())),
    }
    numbers, features = batch.numbers[rows] / release.schema.scales, verdicts.features[rows]
    groups = {
        "entity": {kind: texts_or_null([texts[row] for row in places]) for kind, texts in batch.entities.items()},
        "event": {name: _numbers(numbers[:, column]) for column, name in enumerate(release.schema.columns)},
        "feature": {name: _numbers(features[:, column]) for column, name in enumerate(release.features.names)},
        "model": {name: _numbers(raw[rows]) for name, raw in verdicts.models.items()},
    }
    return decision_batch(fixed, groups)


def _numbers(values: NDArray[np.float64]) -> pa.Array:
    """Makes a column in which NaN and infinities are null, as they are in a decision's JSON."""
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))


def _flags(verdicts: Verdicts, rows: NDArray[np.int64]) -> list[list[str]]:
    """Gives the flags of each decision, as `pipeline.engine.decisions.decision.decisions_of` does."""
    codes = verdicts.flags.astype(np.int64) | (np.isnan(verdicts.scores) & ~verdicts.are(RETRACTED)) * WARMING
    words = {code: flag_names(code) for code in np.unique(codes).tolist()}
    return [words[code] for code in codes[rows].tolist()]
