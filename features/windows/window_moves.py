"""Adds rows to the window of a unit and removes them, at either end."""

from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import LABEL, NEVER, PAGE_BITS, ProfileSlab
from features.layout.plan_arrays import AUX, COLUMN, KIND, LENGTH, LIMIT, WORD, PlanArrays
from features.plan.plan_units import UnitKind
from features.windows.burst import burst_step
from features.windows.decayed import decayed_enter
from features.windows.extremes import extreme_enter, extreme_leave, extreme_reenter
from features.windows.pages import next_place, word_of
from features.windows.ranks import rank_add, rank_remove
from features.windows.row_label import label_state
from features.windows.rows import bits_of, time_of, value_of
from features.windows.units import unit_enter
from features.windows.value_counts import value_enter
from foundation.borrowing import inner, outer
from foundation.number_arrays import Int64s

_SUMS_END = int(UnitKind.MIN)
_MAX, _FIRST, _LAST = int(UnitKind.MAX), int(UnitKind.FIRST), int(UnitKind.LAST)
_VALUES, _RANKS, _DECAYED = int(UnitKind.VALUES), int(UnitKind.RANKS), int(UnitKind.DECAYED)


@inner
def owner_of(plan: PlanArrays, slot: int, unit: int) -> int:
    """Returns the owner of a unit's values in the table of counts."""
    return slot * len(plan.units) + unit


@inner
def enter(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int, place: int, stride: int) -> None:
    """Adds the row at `place` as the newest of the window."""
    kind = plan.units[unit, KIND]
    if kind < _SUMS_END:
        add(slab, plan, slot, unit, place, stride, 1.0)
    elif kind <= _MAX:
        extreme_enter(slab, plan, slot, unit, place, stride)
    else:
        change_unit(slab.context, slot, unit, place, stride, 1.0, 1.0)


@inner
def leave(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int, place: int, last: int, stride: int) -> None:
    """Removes the row at `place`, the oldest of the window; `last` is the newest of all rows taken in."""
    kind = plan.units[unit, KIND]
    if kind < _SUMS_END:
        add(slab, plan, slot, unit, place, stride, -1.0)
    elif kind <= _MAX:
        extreme_leave(slab, plan, slot, unit, place, last, stride)
    else:
        change_unit(slab.context, slot, unit, place, stride, -1.0, 0.0)


@inner
def reenter(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int, place: int, stride: int) -> None:
    """Adds the row at `place` back as the oldest of the window."""
    kind = plan.units[unit, KIND]
    if kind < _SUMS_END:
        add(slab, plan, slot, unit, place, stride, 1.0)
    elif kind <= _MAX:
        extreme_reenter(slab, plan, slot, unit, place, stride)
    else:
        change_unit(slab.context, slot, unit, place, stride, 1.0, 0.0)


@inner
def undo_enter(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int, place: int, stride: int) -> None:
    """Removes the row at `place`, the newest of the window, in a rewind. The caller recomputes minima and maxima."""
    kind = plan.units[unit, KIND]
    if kind < _SUMS_END:
        add(slab, plan, slot, unit, place, stride, -1.0)
    elif kind > _MAX:
        change_unit(slab.context, slot, unit, place, stride, -1.0, 1.0)


@inner
def add(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int, place: int, stride: int, sign: float) -> None:
    """Adds (sign 1) or removes (-1) the row in running sums and counts of labels, at either end."""
    value = value_of(slab, plan, unit, place, stride)
    state = label_state(slab.pages[place >> PAGE_BITS, word_of(place, stride) + LABEL], NEVER)
    unit_enter(slab.heads_f, slot, plan.units[unit, WORD], plan.units[unit, KIND], value, state, sign)


@outer
def change_unit(context: Int64s, slot: int, unit: int, place: int, stride: int, sign: float, at_head: float) -> None:
    """Adds (sign 1) or removes (-1) a row, at the newest end (`at_head` 1) or the oldest (0), for all units but sums and extremes.

    The arguments are floats, not bools: numba recompiles for each boolean literal.
    """
    slab, plan = slab_of(context), plan_of(context)
    value = value_of(slab, plan, unit, place, stride)
    if value != value:
        return
    kind, word = plan.units[unit, KIND], plan.units[unit, WORD]
    if kind == _VALUES:
        bits = bits_of(slab, place, plan.units[unit, COLUMN], stride)
        value_enter(slab.counts, slab.heads_f, slot, word, owner_of(plan, slot, unit), bits, sign)
    elif kind == _RANKS:
        slab.heads_f[slot, word] += sign
        if sign > 0.0:
            rank_add(slab.ranks, slab.roots, slot, plan.units[unit, AUX], value)
        else:
            rank_remove(slab.ranks, slab.roots, slot, plan.units[unit, AUX], value)
    elif kind == _DECAYED:
        decayed_enter(slab.heads_f, slot, word, value, time_of(slab, place, stride), plan.units[unit, LENGTH], sign)
    elif kind == _LAST:
        change_last(slab, slot, word, value, time_of(slab, place, stride), sign, at_head)
    elif kind == _FIRST:
        change_first(slab, plan, slot, unit, place, value, stride, sign, at_head)
    elif sign > 0.0 and at_head > 0.0:
        fold(slab, plan, slot, unit, word, place, stride)


@inner
def fold(slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int, word: int, place: int, stride: int) -> None:
    """Adds the next row to the state of a burst or of decayed sums that begins at cell `word` of the head."""
    value = value_of(slab, plan, unit, place, stride)
    length_ms, time_ms = plan.units[unit, LENGTH], time_of(slab, place, stride)
    if plan.units[unit, KIND] == _DECAYED:
        if value == value:
            decayed_enter(slab.heads_f, slot, word, value, time_ms, length_ms, 1.0)
    elif value == 0.0:
        burst_step(slab.heads_f, slot, word, time_ms, length_ms, float(plan.units[unit, LIMIT]))


@inner
def change_last(slab: ProfileSlab, slot: int, word: int, value: float, time_ms: int, sign: float, at_head: float) -> None:
    """Updates the number of rows and the newest one's value and time; in a rewind the caller finds the newest again."""
    n = slab.heads_f[slot, word]
    if sign > 0.0 and (at_head > 0.0 or n == 0.0):
        slab.heads_f[slot, word + 1] = value
        slab.heads[slot, word + 2] = time_ms
    slab.heads_f[slot, word] = n + sign


@inner
def change_first(
    slab: ProfileSlab, plan: PlanArrays, slot: int, unit: int, place: int, value: float, stride: int, sign: float, at_head: float
) -> None:
    """Updates the number of rows and the oldest one's value and time."""
    word = plan.units[unit, WORD]
    n = slab.heads_f[slot, word] + sign
    slab.heads_f[slot, word] = n
    if sign > 0.0 and (n == 1.0 or at_head == 0.0):
        slab.heads_f[slot, word + 1] = value
        slab.heads[slot, word + 2] = time_of(slab, place, stride)
    if sign < 0.0 and at_head == 0.0 and n > 0.0:
        following = next_place(slab, place)
        value = value_of(slab, plan, unit, following, stride)
        while value != value:
            following = next_place(slab, following)
            value = value_of(slab, plan, unit, following, stride)
        slab.heads_f[slot, word + 1] = value
        slab.heads[slot, word + 2] = time_of(slab, following, stride)
