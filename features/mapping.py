"""Rows written under other columns: what each column of the new ones is in them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.batch import Int64s
from features.layout import LONG_AGO, NUMBERS_OF_ENTITY, NUMBERS_OF_USER
from features.plan import Plan
from features.row_column import Origin, RowColumn

_NAN_BITS = np.array([np.nan]).view(np.int64)[0]


def mapped_rows(rows: Int64s, columns: Sequence[str], plan: Plan) -> Int64s:
    """Rows [n, words] under `columns` as rows of `plan`; what was not retained and does not follow from what was is NaN."""
    first = NUMBERS_OF_USER if plan.is_user else NUMBERS_OF_ENTITY
    result: NDArray[np.int64] = np.full((len(rows), plan.row_words), _NAN_BITS, dtype=np.int64)
    result[:, :first] = rows[:, :first]
    for at, column in enumerate(plan.columns):
        if column.name in columns:
            result[:, first + at] = rows[:, first + columns.index(column.name)]
    return result


def unknown_until(column: RowColumn, was: Mapping[str, int], newest_ms: int) -> int:
    """Up to when rows lack `column`, where `was` tells it of the columns that they have."""
    if column.name in was:
        return was[column.name]
    if column.origin in (Origin.PREVIOUS, Origin.PAIR, Origin.FROM):
        return was.get(column.source, newest_ms)
    return LONG_AGO if column.origin in (Origin.HOUR_COS, Origin.HOUR_SIN) else newest_ms
