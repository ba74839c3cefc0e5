"""Reads the outputs of an event from the windows."""

import math

import numpy as np

from features.definitions.aggregate import Code
from features.layout.kernel_context import plan_of, slab_of
from features.layout.layout import END, FIRST, HEAD_WORDS, HEARD, LABEL, PAGE_BITS, ProfileSlab
from features.layout.plan_arrays import AUX, COLUMN, HEAD, KIND, TAIL, WORD, PlanArrays
from features.plan.plan_units import UnitKind
from features.windows.burst import burst_value
from features.windows.decayed import decayed_mean, decayed_std
from features.windows.extremes import extreme_of
from features.windows.pages import next_place, word_of
from features.windows.ranks import rank_of
from features.windows.row_label import label_state
from features.windows.rows import bits_of, number_of, time_of, value_of
from features.windows.units import unit_enter, unit_value
from features.windows.value_counts import entropy_bits, owner_of_values
from features.windows.value_table import count_of
from features.windows.window_moves import owner_of
from foundation.borrowing import inner, outer, owning
from foundation.number_arrays import Float64s, Int64s

_MIN, _MAX, _SUMS_END, _LABELS = int(Code.MIN), int(Code.MAX), int(Code.LABELLED_COUNT), int(UnitKind.LABELS)
_LAST, _LAST_AGE, _FIRST, _FIRST_AGE = int(Code.LAST), int(Code.LAST_AGE), int(Code.FIRST), int(Code.FIRST_AGE)
_DISTINCT, _TOP, _OWN, _ENTROPY = int(Code.DISTINCT), int(Code.TOP), int(Code.OWN), int(Code.ENTROPY)
_LESS, _EQUAL, _EW_MEAN, _EW_STD = int(Code.LESS), int(Code.EQUAL), int(Code.EW_MEAN), int(Code.EW_STD)
_BURST = int(Code.BURST)
_SECOND_MS = 1000.0


@inner
def write_outputs(slab: ProfileSlab, plan: PlanArrays, slot: int, place: int, before: int, out: Float64s, i: int, stride: int) -> None:
    """Writes the outputs that are read before the event at `place` enters the windows (`before` 1) or after it (0)."""
    for at in range(len(plan.outputs)):
        if plan.outputs[at, 2] != before:
            continue
        unit, code = plan.outputs[at, 0], plan.outputs[at, 1]
        if code in (_MIN, _MAX):
            out[i, at] = extreme_of(slab, plan, slot, unit) / plan.scales[at]
        elif code > _SUMS_END:
            out[i, at] = other_value(slab.context, slot, unit, code, place, stride) / plan.scales[at]
        elif plan.units[unit, KIND] == _LABELS and slab.heads[slot, HEARD] > time_of(slab, place, stride):
            out[i, at] = labels_as_of(slab.context, slot, unit, code, place, before, stride)
        else:
            out[i, at] = unit_value(slab.heads_f, slot, plan.units[unit, WORD], code) / plan.scales[at]


@outer
def other_value(context: Int64s, slot: int, unit: int, code: int, place: int, stride: int) -> float:
    """Reads all codes except sums, labels, minima and maxima."""
    slab, plan = slab_of(context), plan_of(context)
    word, heads_f = plan.units[unit, WORD], slab.heads_f
    if code in (_LAST, _FIRST):
        return float(heads_f[slot, word + 1]) if heads_f[slot, word] > 0.0 else math.nan
    if code in (_LAST_AGE, _FIRST_AGE):
        ago_ms = time_of(slab, place, stride) - slab.heads[slot, word + 2]
        return ago_ms / _SECOND_MS if heads_f[slot, word] > 0.0 else math.nan
    if code == _DISTINCT:
        return float(heads_f[slot, word + 1])
    if code == _TOP:
        return float(heads_f[slot, word + 2])
    if code == _ENTROPY:
        return entropy_bits(heads_f, slot, word)
    if code == _EW_MEAN:
        return decayed_mean(heads_f, slot, word)
    if code == _EW_STD:
        return decayed_std(heads_f, slot, word)
    if code in (_OWN, _LESS, _EQUAL):
        return of_own_value(slab.context, slot, unit, code, place, stride)
    if code == _BURST:
        return burst_value(heads_f, slot, word)
    raise ValueError("features.kernel.outputs has no answer for a code of features.definitions.aggregate")


@outer
def of_own_value(context: Int64s, slot: int, unit: int, code: int, place: int, stride: int) -> float:
    """Reads how the event's own value compares with those of the window."""
    slab, plan = slab_of(context), plan_of(context)
    column = plan.units[unit, COLUMN]
    value = number_of(slab, place, column, stride)
    if value != value:
        return math.nan
    if code == _OWN:
        return float(count_of(slab.counts, owner_of_values(owner_of(plan, slot, unit)), bits_of(slab, place, column, stride)))
    less, equal = rank_of(slab.ranks, slab.roots, slot, plan.units[unit, AUX], value)
    return float(less if code == _LESS else equal)


@owning
def labels_as_of(context: Int64s, slot: int, unit: int, code: int, place: int, before: int, stride: int) -> float:
    """Counts the labels that a late event may see: some that the newest event sees came after it."""
    slab, plan = slab_of(context), plan_of(context)
    event_ms = time_of(slab, place, stride)
    words = np.zeros((1, 3))
    tail = plan.units[unit, TAIL]
    row = slab.heads[slot, HEAD_WORDS + 2 * tail] if tail >= 0 else slab.heads[slot, FIRST] << PAGE_BITS
    end = slab.heads[slot, HEAD_WORDS + 2 * plan.units[unit, HEAD]] if plan.units[unit, HEAD] >= 0 else END
    while row != END and row != end:
        if row == place and (before == 1 or plan.units[unit, HEAD] >= 0):
            break
        state = label_state(slab.pages[row >> PAGE_BITS, word_of(row, stride) + LABEL], event_ms)
        unit_enter(words, 0, 0, _LABELS, value_of(slab, plan, unit, row, stride), state, 1.0)
        if row == place:
            break
        row = next_place(slab, row)
    return unit_value(words, 0, 0, code)
