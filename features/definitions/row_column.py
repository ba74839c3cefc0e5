"""Defines the columns of a retained row: one 64-bit cell each, read as float64; NaN where the event has no value."""

import enum
from typing import NamedTuple


class Origin(enum.IntEnum):
    """Says where a column's values come from.

    NUMBER: a numeric field, decimals in minor units. TEXT: a string field, the user or an entity, as a hash. EXPRESSION over the
    event, true as 1 and false as 0. HOUR_COS and HOUR_SIN of the time of day in a zone. The kernel fills in the others:
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
    """Describes one column of a row.

    Args:
        name: name, unique in its plan: ``event.amount``, an expression's text, ``previous(...)`` and so on.
        origin: where its values come from.
        source: a field's name, an expression, a zone, or the name of the column from which it is computed, which stands earlier in the
            plan.
        scale: divisor of its values to get their own unit: 10**scale for a decimal.
        retained: whether it is kept even if no feature reads it.
        where: for PREVIOUS, PAIR and FROM, the name of a column that must be 1 for the row's value to count; '' for all rows.
    """

    name: str
    origin: Origin
    source: str
    scale: float = 1.0
    retained: bool = False
    where: str = ""
