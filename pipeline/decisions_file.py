"""decisions.parquet: one row a scored event, in the order of scoring."""

import pathlib
from types import TracebackType

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from features.batch import Batch
from patterns.policy import ACTIONS
from pipeline.release import Release
from pipeline.scorer import NOT_SCORED, Verdicts

_ROWS_A_GROUP = 65_536


class DecisionsFile:
    """Writes verdicts as they come; a context manager that completes the file.

    Args:
        path: of the Parquet file; replaced when it is there.
        release: gives the columns.
    """

    def __init__(self, path: pathlib.Path, release: Release) -> None:
        self.schema = _schema_of(release)
        self._writer = pyarrow.parquet.ParquetWriter(path, self.schema, compression="zstd")
        self._release = release
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def __enter__(self) -> "DecisionsFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._flush()
        self._writer.close()

    def write(self, verdicts: Verdicts, batch: Batch) -> None:
        """Adds a row for each event that got a decision."""
        scored = np.flatnonzero((verdicts.flags & NOT_SCORED) == 0)
        self._waiting.append(_table(verdicts, batch, scored, self.schema))
        self._rows += len(scored)
        if self._rows >= _ROWS_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.concat_tables(self._waiting).combine_chunks())
        self._waiting, self._rows = [], 0


def _schema_of(release: Release) -> pa.Schema:
    number = pa.float64()
    columns = [
        ("event_id", pa.string()),
        ("event_time", pa.timestamp("ms")),
        ("user", pa.string()),
        ("score", number),
        ("action", pa.string()),
        ("matches", pa.list_(pa.string())),
        ("features", pa.struct([(name, number) for name in release.features.names])),
        ("release", pa.int32()),
    ]
    return pa.schema(columns + [(f"model.{model.name}", number) for model in release.models])


def _table(verdicts: Verdicts, batch: Batch, rows: np.ndarray, schema: pa.Schema) -> pa.Table:
    names = pa.array(ACTIONS)
    count = len(rows)
    features = [pa.array(verdicts.features[rows, column], from_pandas=True) for column in range(verdicts.features.shape[1])]
    struct = pa.StructArray.from_arrays(features, fields=list(schema.field("features").type))
    columns: list[pa.Array] = [
        pa.array([batch.ids[row] for row in rows.tolist()]),
        pa.array(batch.times_ms[rows]).cast(pa.timestamp("ms")),
        pa.array([batch.users[row] for row in rows.tolist()]),
        pa.array(verdicts.scores[rows], from_pandas=True),
        pa.DictionaryArray.from_arrays(pa.array(verdicts.actions[rows].astype(np.int32)), names).cast(pa.string()),
        pa.ListArray.from_arrays(pa.array(np.zeros(count + 1, np.int32)), pa.array([], pa.string())),
        struct,
        pa.array(np.full(count, verdicts.release.id, np.int32)),
    ]
    columns += [pa.array(raw[rows], from_pandas=True) for raw in verdicts.models.values()]
    return pa.Table.from_arrays(columns, schema=schema)
