"""The file decisions.parquet has one row for each decision, in the order of scoring; a corrected event has one for each revision."""

import pathlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from features.schema.batch import Batch
from patterns.findings import NOTHING_FOUND
from patterns.matches import Matches, Rules, joined
from patterns.policy import ACTIONS, DECIDERS
from pipeline.engine.decisions.verdicts import UNDECIDED, Verdicts
from pipeline.engine.definitions.release import Release

PROBABILITY_COLUMNS = ("probability", "probability_low", "probability_high")
"""The columns of a release whose policy has `scale: stable`."""
_ROWS_A_GROUP = 65_536


class DecisionsFile:
    """Writes verdicts as they come; it is a context manager, and the file is complete when the context ends.

    Args:
        path: of the Parquet file; an existing file is replaced.
        release: names the features and models that become columns.
    """

    def __init__(self, path: pathlib.Path, release: Release) -> None:
        self.schema = _schema_of(release)
        self._writer = pyarrow.parquet.ParquetWriter(path, self.schema, compression="zstd")
        self._release = release
        self._waiting: list[_Columns] = []
        self._rows = 0

    def __enter__(self) -> "DecisionsFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._flush()
        self._writer.close()

    def write(self, verdicts: Verdicts, batch: Batch) -> None:
        """Adds a row for each event of `batch` that was decided."""
        decided = np.flatnonzero(~verdicts.are(UNDECIDED))
        self._waiting.append(_columns(verdicts, batch, decided))
        self._rows += len(decided)
        if self._rows >= _ROWS_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(_table(self._waiting, self._release, self.schema))
        self._waiting, self._rows = [], 0


def _schema_of(release: Release) -> pa.Schema:
    number = pa.float64()
    columns = [
        ("event_id", pa.string()),
        ("revision", pa.int32()),
        ("event_time", pa.timestamp("ms")),
        ("user", pa.string()),
        ("score", number),
        ("action", pa.string()),
        ("decided_by", pa.string()),
        ("matches", pa.list_(pa.string())),
        ("match_count", pa.int32()),
        ("features", pa.struct([(name, number) for name in release.features.names])),
        ("release", pa.int32()),
    ]
    if release.policy.scale == "stable":
        columns += [(name, number) for name in PROBABILITY_COLUMNS]
    return pa.schema(columns + [(f"model.{model.name}", number) for model in release.models])


@dataclass(slots=True)
class _Columns:
    """The columns of one batch; several batches are gathered, since making a table for each costs more than its rows."""

    ids: list[str]
    revisions: NDArray[np.int64]
    users: list[str]
    times_ms: NDArray[np.int64]
    scores: NDArray[np.float64]
    actions: NDArray[np.uint8]
    deciders: NDArray[np.uint8]
    matches: Matches
    features: NDArray[np.float64]
    models: NDArray[np.float64]
    calibrated: NDArray[np.float64]


def _columns(verdicts: Verdicts, batch: Batch, rows: NDArray[np.int64]) -> _Columns:
    whole = len(rows) == len(batch)
    places = rows.tolist()
    return _Columns(
        batch.ids if whole else [batch.ids[row] for row in places],
        verdicts.revisions[rows],
        batch.users if whole else [batch.users[row] for row in places],
        batch.times_ms[rows],
        verdicts.scores[rows],
        verdicts.actions[rows],
        verdicts.deciders[rows],
        verdicts.matches.at(rows)._replace(found=NOTHING_FOUND),
        verdicts.features[rows],
        np.column_stack([raw[rows] for raw in verdicts.models.values()]) if verdicts.models else np.empty((len(rows), 0)),
        verdicts.calibrated[rows],
    )


def _table(parts: list[_Columns], release: Release, schema: pa.Schema) -> pa.Table:
    features, models = np.concatenate([part.features for part in parts]), np.concatenate([part.models for part in parts])
    count = len(features)
    struct = [pa.array(features[:, column], from_pandas=True) for column in range(features.shape[1])]
    matches = joined([part.matches for part in parts])
    columns: list[pa.Array] = [
        pa.array([id for part in parts for id in part.ids]),
        pa.array(np.concatenate([part.revisions for part in parts]).astype(np.int32)),
        pa.array(np.concatenate([part.times_ms for part in parts])).cast(pa.timestamp("ms")),
        pa.array([user for part in parts for user in part.users]),
        pa.array(np.concatenate([part.scores for part in parts]), from_pandas=True),
        _named(np.concatenate([part.actions for part in parts]), ACTIONS),
        _named(np.concatenate([part.deciders for part in parts]), DECIDERS),
        patterns_of(matches, release.rules),
        pa.array(matches.counts.astype(np.int32)),
        pa.StructArray.from_arrays(struct, fields=list(schema.field("features").type)),
        pa.array(np.full(count, release.id, np.int32)),
    ]
    if release.policy.scale == "stable":
        calibrated = np.concatenate([part.calibrated for part in parts])
        columns += [pa.array(calibrated[:, column], from_pandas=True) for column in range(len(PROBABILITY_COLUMNS))]
    columns += [pa.array(models[:, column], from_pandas=True) for column in range(models.shape[1])]
    return pa.Table.from_arrays(columns, schema=schema)


def _named(codes: NDArray[np.uint8], names: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(names)).cast(pa.string())


def patterns_of(matches: Matches, rules: Rules) -> pa.Array:
    """Makes a column of the ids of the `rules` that matched each event, the weightiest first."""
    ends = np.searchsorted(matches.events, np.arange(len(matches.counts) + 1)).astype(np.int32)
    names = [rules.each[rule].pattern for rule in matches.rules.tolist()]
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(names, pa.string()))
