"""What rows hold of events: the columns of a plan, computed for a batch."""

from collections.abc import Sequence

import numpy as np

from features.batch import Batch, Float64s
from features.row_column import RowColumn
from features.schema import Schema


def row_values(columns: Sequence[RowColumn], batch: Batch, schema: Schema) -> Float64s:
    """[n, columns]; NaN where missing. Columns that the kernel fills in hold anything."""
    at = np.array([schema.columns.index(column.source) for column in columns], dtype=np.int64)
    values: Float64s = batch.numbers[:, at]
    return values
