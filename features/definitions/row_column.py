"""The columns of a retained row: one 64-bit word each, read as float64; NaN where the event has no value."""

import enum
from typing import NamedTuple


class Origin(enum.IntEnum):
    """Where a column's values come from.

    NUMBER: a numeric field, decimals in minor units. TEXT: a string field, the user or an entity, as a hash. EXPRESSION over the
    event, true as 1 and false as 0. HOUR_COS and HOUR_SIN of the time of day in a zone. The others the kernel fills in:
    PREVIOUS: the nearest earlier value of another column; PAIR: a hash of that and the row's own value; FROM: that where the row has
    a value of its own.
    """

    NUMBER = 0
    TEXT = 1
    EXPRESSION = 2
    HOUR_COS = 3
    HOUR_SIN = 4
    PREVIOUS = 5
    PAIR = 6
    FROM = 7


class RowColumn(NamedTuple):
    """One column.

    Args:
        name: unique in its plan: ``event.amount``, an expression's text, ``previous(...)`` and so on.
        origin: of its values.
        source: a field's name, an expression, a zone, or the name of the column that it follows (after that in the plan's order).
        scale: what values are divided by to come into their own unit: 10**scale of a decimal.
        retained: kept whether or not a feature reads it.
        where: of PREVIOUS, PAIR and FROM: name of a column that must be 1, else the row counts as without a value; '' for all rows.
    """

    name: str
    origin: Origin
    source: str
    scale: float = 1.0
    retained: bool = False
    where: str = ""
