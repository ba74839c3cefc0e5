"""A row comes into the window of a unit, or goes out of it, at either end."""

from features.layout.kernel_context import arena_of, plan_of
from features.layout.layout import LABEL, NEVER, PAGE_BITS, Arena
from features.layout.plan_arrays import AUX, COLUMN, KIND, LENGTH, LIMIT, WORD, PlanArrays
from features.plan.plan_units import UnitKind
from features.windows.burst import burst_step
from features.windows.decayed import decayed_enter
from features.windows.extremes import extreme_comes, extreme_leaves, extreme_returns
from features.windows.pages import next_place, word_of
from features.windows.ranks import rank_add, rank_remove
from features.windows.row_label import label_state
from features.windows.rows import bits_of, time_of, value_of
from features.windows.units import unit_enter
from features.windows.value_counts import value_enter
from foundation.compiled import inner, outer
from foundation.number_arrays import Int64s

_SUMS_END = int(UnitKind.MIN)
_MAX, _FIRST, _LAST = int(UnitKind.MAX), int(UnitKind.FIRST), int(UnitKind.LAST)
_VALUES, _RANKS, _DECAYED = int(UnitKind.VALUES), int(UnitKind.RANKS), int(UnitKind.DECAYED)


@inner
def owner_of(plan: PlanArrays, slot: int, unit: int) -> int:
    """Whose values these are in the table of counts."""
    return slot * len(plan.units) + unit


@inner
def comes(arena: Arena, plan: PlanArrays, slot: int, unit: int, place: int, stride: int) -> None:
    """The row at `place` becomes the newest of the window."""
    kind = plan.units[unit, KIND]
    if kind < _SUMS_END:
        add(arena, plan, slot, unit, place, stride, 1.0)
    elif kind <= _MAX:
        extreme_comes(arena, plan, slot, unit, place, stride)
    else:
        moves(arena.context, slot, unit, place, stride, 1.0, 1.0)


@inner
def leaves(arena: Arena, plan: PlanArrays, slot: int, unit: int, place: int, last: int, stride: int) -> None:
    """The row at `place`, the oldest of the window, goes; `last` is the newest of all rows taken in."""
    kind = plan.units[unit, KIND]
    if kind < _SUMS_END:
        add(arena, plan, slot, unit, place, stride, -1.0)
    elif kind <= _MAX:
        extreme_leaves(arena, plan, slot, unit, place, last, stride)
    else:
        moves(arena.context, slot, unit, place, stride, -1.0, 0.0)


@inner
def returns(arena: Arena, plan: PlanArrays, slot: int, unit: int, place: int, stride: int) -> None:
    """The row at `place` becomes the oldest of the window again."""
    kind = plan.units[unit, KIND]
    if kind < _SUMS_END:
        add(arena, plan, slot, unit, place, stride, 1.0)
    elif kind <= _MAX:
        extreme_returns(arena, plan, slot, unit, place, stride)
    else:
        moves(arena.context, slot, unit, place, stride, 1.0, 0.0)


@inner
def is_undone(arena: Arena, plan: PlanArrays, slot: int, unit: int, place: int, stride: int) -> None:
    """The row at `place`, the newest of the window, goes: time runs backwards. Minima and maxima are mended by the caller."""
    kind = plan.units[unit, KIND]
    if kind < _SUMS_END:
        add(arena, plan, slot, unit, place, stride, -1.0)
    elif kind > _MAX:
        moves(arena.context, slot, unit, place, stride, -1.0, 1.0)


@inner
def add(arena: Arena, plan: PlanArrays, slot: int, unit: int, place: int, stride: int, sign: float) -> None:
    """Running sums and counts of labels: as `comes` for 1, `leaves` for -1; either end."""
    value = value_of(arena, plan, unit, place, stride)
    state = label_state(arena.pages[place >> PAGE_BITS, word_of(place, stride) + LABEL], NEVER)
    unit_enter(arena.heads_f, slot, plan.units[unit, WORD], plan.units[unit, KIND], value, state, sign)


@outer
def moves(context: Int64s, slot: int, unit: int, place: int, stride: int, sign: float, at_head: float) -> None:
    """All units but sums and extremes: a row comes (1) or goes (-1), at the newest end (`at_head` 1) or
    at the oldest (0). Numbers, not truths: numba compiles a function anew for each constant that is one."""
    arena, plan = arena_of(context), plan_of(context)
    value = value_of(arena, plan, unit, place, stride)
    if value != value:
        return
    kind, word = plan.units[unit, KIND], plan.units[unit, WORD]
    if kind == _VALUES:
        bits = bits_of(arena, place, plan.units[unit, COLUMN], stride)
        value_enter(arena.counts, arena.heads_f, slot, word, owner_of(plan, slot, unit), bits, sign)
    elif kind == _RANKS:
        arena.heads_f[slot, word] += sign
        if sign > 0.0:
            rank_add(arena.ranks, arena.roots, slot, plan.units[unit, AUX], value)
        else:
            rank_remove(arena.ranks, arena.roots, slot, plan.units[unit, AUX], value)
    elif kind == _DECAYED:
        decayed_enter(arena.heads_f, slot, word, value, time_of(arena, place, stride), plan.units[unit, LENGTH], sign)
    elif kind == _LAST:
        last_moves(arena, slot, word, value, time_of(arena, place, stride), sign, at_head)
    elif kind == _FIRST:
        first_moves(arena, plan, slot, unit, place, value, stride, sign, at_head)
    elif sign > 0.0 and at_head > 0.0:
        fold(arena, plan, slot, unit, word, place, stride)


@inner
def fold(arena: Arena, plan: PlanArrays, slot: int, unit: int, word: int, place: int, stride: int) -> None:
    """The next row into the state of a burst, or of decayed sums, that begins at `word` of the head."""
    value = value_of(arena, plan, unit, place, stride)
    length_ms, time_ms = plan.units[unit, LENGTH], time_of(arena, place, stride)
    if plan.units[unit, KIND] == _DECAYED:
        if value == value:
            decayed_enter(arena.heads_f, slot, word, value, time_ms, length_ms, 1.0)
    elif value == 0.0:
        burst_step(arena.heads_f, slot, word, time_ms, length_ms, float(plan.units[unit, LIMIT]))


@inner
def last_moves(arena: Arena, slot: int, word: int, value: float, time_ms: int, sign: float, at_head: float) -> None:
    """How many rows there are, the newest's value and its time; when time runs backwards the caller finds the newest anew."""
    n = arena.heads_f[slot, word]
    if sign > 0.0 and (at_head > 0.0 or n == 0.0):
        arena.heads_f[slot, word + 1] = value
        arena.heads[slot, word + 2] = time_ms
    arena.heads_f[slot, word] = n + sign


@inner
def first_moves(
    arena: Arena, plan: PlanArrays, slot: int, unit: int, place: int, value: float, stride: int, sign: float, at_head: float
) -> None:
    """How many rows there are, the oldest's value and its time."""
    word = plan.units[unit, WORD]
    n = arena.heads_f[slot, word] + sign
    arena.heads_f[slot, word] = n
    if sign > 0.0 and (n == 1.0 or at_head == 0.0):
        arena.heads_f[slot, word + 1] = value
        arena.heads[slot, word + 2] = time_of(arena, place, stride)
    if sign < 0.0 and at_head == 0.0 and n > 0.0:
        following = next_place(arena, place)
        value = value_of(arena, plan, unit, following, stride)
        while value != value:
            following = next_place(arena, following)
            value = value_of(arena, plan, unit, following, stride)
        arena.heads_f[slot, word + 1] = value
        arena.heads[slot, word + 2] = time_of(arena, following, stride)
