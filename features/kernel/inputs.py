"""Finds events and their answers in the context of compiled functions."""

from typing import NamedTuple

from features.layout.address_table import float_rows, ints
from features.layout.kernel_context import ARRAYS
from foundation.borrowing import inner
from foundation.number_arrays import Float64s, Int64s

MORE = 12
"""The number of arrays after slab and plan that the context has room for."""
_ANSWERS = 8


class Arrivals(NamedTuple):
    """Holds n events of many profiles, in the order in which they are taken in.

    Args:
        slots: slots of their profiles.
        times_ms, orders, id_keys, body_keys: as in a `Batch`.
        user_keys: keys of their users, see `features.schema.event.user_keys`; 0 in the profiles of users, whose ids are their own.
        ops: ADD, CORRECT or RETRACT.
        values: [n, columns] row values.
    """

    slots: Int64s
    times_ms: Int64s
    orders: Int64s
    id_keys: Int64s
    body_keys: Int64s
    user_keys: Int64s
    ops: Int64s
    values: Float64s


class Answers(NamedTuple):
    """Holds what is written for each of n events.

    Args:
        out: [n, outputs].
        flags: [n] bits of `layout`.
        rows: [n] references to the retained rows; `END` where an event is not retained.
        outcomes: [n] what was remembered of an event before it was corrected or retracted.
    """

    out: Float64s
    flags: Int64s
    rows: Int64s
    outcomes: Int64s


@inner
def arrivals_of(context: Int64s) -> Arrivals:
    """Returns the events of a context."""
    first = ARRAYS
    return Arrivals(
        ints(context, first),
        ints(context, first + 1),
        ints(context, first + 2),
        ints(context, first + 3),
        ints(context, first + 4),
        ints(context, first + 5),
        ints(context, first + 6),
        float_rows(context, first + 7),
    )


@inner
def row_key(arrivals: Arrivals, i: int) -> int:
    """Returns the key of event i for its row: other entities' profiles tell apart events of two users with one id."""
    return int(arrivals.id_keys[i] ^ arrivals.user_keys[i])


@inner
def answers_of(context: Int64s) -> Answers:
    """Returns the arrays that the answers of a context are written to."""
    first = ARRAYS + _ANSWERS
    return Answers(float_rows(context, first), ints(context, first + 1), ints(context, first + 2), ints(context, first + 3))
