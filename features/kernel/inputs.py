"""Events on their way into profiles, and what is answered, as compiled functions find them in a context."""

from typing import NamedTuple

from features.layout.address_table import float_rows, ints
from features.layout.kernel_context import ARRAYS
from foundation.compiled import inner
from foundation.number_arrays import Float64s, Int64s

MORE = 12
"""Arrays that the context has room for behind the arena and the plan."""
_ANSWERS = 8


class Arrivals(NamedTuple):
    """n events of many profiles, in the order in which they are taken in.

    Args:
        slots: of their profiles.
        times_ms, orders, id_keys, body_keys: as in a `Batch`.
        user_keys: of their users, see `features.schema.event.user_keys`; 0 in the profiles of users, who have their ids for themselves.
        ops: ADD, CORRECT or RETRACT.
        values: [n, columns] words of their rows.
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
    """What is written for each of n events.

    Args:
        out: [n, outputs].
        flags: see `layout`.
        rows: where it is retained; `END` where it is not.
        outcomes: what was remembered of an event before it was corrected or retracted.
    """

    out: Float64s
    flags: Int64s
    rows: Int64s
    outcomes: Int64s


@inner
def arrivals_of(context: Int64s) -> Arrivals:
    """The events of a context."""
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
    """What the row of event i says of its id: in the profile of a shop or card two users' events of one id are two."""
    return int(arrivals.id_keys[i] ^ arrivals.user_keys[i])


@inner
def answers_of(context: Int64s) -> Answers:
    """Where the answers of a context go."""
    first = ARRAYS + _ANSWERS
    return Answers(float_rows(context, first), ints(context, first + 1), ints(context, first + 2), ints(context, first + 3))
