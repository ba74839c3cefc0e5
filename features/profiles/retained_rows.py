"""The rows that a profile retains, as columns, for what begins from history."""

from collections.abc import Callable
from typing import NamedTuple

from foundation.number_arrays import Float64s, Int64s


class RetainedRows(NamedTuple):
    """Reads the n rows that one profile retains, in the order of time.

    Args:
        times_ms: gives their event times.
        row_keys: gives what tells them apart: of users the keys of the events' ids.
        column: gives a column of the plan by its name, [n]; NaN where a row has no value, and where it is older than the column.
    """

    times_ms: Callable[[], Int64s]
    row_keys: Callable[[], Int64s]
    column: Callable[[str], Float64s]
