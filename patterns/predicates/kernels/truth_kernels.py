"""Finds out which candidates hold, by running their code over the cells of events."""

import numpy as np

from foundation.borrowing import inner
from foundation.compiled import outer
from foundation.number_arrays import Int64s
from patterns.predicates.kernels.condition_arrays import APART, DEPTH, ConditionArrays, arrays_of
from patterns.predicates.kernels.index_kernels import FIRST_CELL, MISSING_CELL, NAN_CELL, Int32s

_FALSE, _TRUE, _MISSING, _ERROR = 0, 1, 2, 3
_ATOM, _CONSTANT, _NOT, _BOTH, _EITHER, _CHOICE, _UNLESS_FALSE, _UNLESS_TRUE = range(8)
_OF_NAN, _PRESENCE = 1, 2
AT, OWN, HELD, ERRORS, FAILED, FIRST = range(6)
"""The first words of what is said of a batch: up to which late attribute conditions are asked; how many hold that are not told apart; how
many hold; how many erred; how many erred or were skipped.

From `FIRST` on stand the events that hold, then their conditions, ascending by event, then condition: first those that are not told apart,
then the others, which are counted from the first of these; then the conditions that erred, then those that were skipped. An array that goes
back to Python costs as much as ten that come from there, so all are one.
"""


@inner
def _truth_of_atom(cell: int, first: Int64s, last: Int64s, start: int, stop: int, flags: int, missing: int) -> int:
    if cell >= FIRST_CELL:
        low, high = start, stop
        while low < high:
            middle = (low + high) >> 1
            if last[middle] <= cell:
                low = middle + 1
            else:
                high = middle
        return _TRUE if low < stop and first[low] <= cell else _FALSE
    if cell == NAN_CELL:
        return _TRUE if flags & _OF_NAN else _FALSE
    if flags & _PRESENCE:
        return _FALSE if cell == MISSING_CELL else _TRUE
    return missing if cell == MISSING_CELL else _ERROR


@inner
def _combine(op: int, top: int, stack: Int64s) -> int:
    """Replaces the truths at the top of the stack by what an operation makes of them. Returns the new height."""
    if op == _NOT:
        if stack[top - 1] <= _TRUE:
            stack[top - 1] = 1 - stack[top - 1]
        return top
    if op == _CHOICE:
        asked = stack[top - 3]
        stack[top - 3] = stack[top - 2] if asked == _TRUE else stack[top - 1] if asked == _FALSE else asked
        return top - 2
    decides = _FALSE if op == _BOTH else _TRUE
    a, b = stack[top - 2], stack[top - 1]
    stack[top - 2] = decides if a == decides or b == decides else max(a, b)  # what lacks a value is above true
    return top - 1


@inner
def _run(arrays: ConditionArrays, condition: int, cells: Int32s, event: int, stack: Int64s) -> int:
    """Returns the truth of a condition for an event."""
    top, at, stop = 0, arrays.code_starts[condition], arrays.code_starts[condition + 1]
    start, atoms, missing = at, arrays.atom_starts[condition], arrays.missing[condition]
    while at < stop:
        op, argument = arrays.code[at, 0], arrays.code[at, 1]
        at += 1
        if op == _ATOM:
            atom = arrays.atoms[atoms + argument]
            cell, spans, end = cells[arrays.attributes[atom], event], arrays.span_starts[atom], arrays.span_starts[atom + 1]
            stack[top] = _truth_of_atom(cell, arrays.first, arrays.last, spans, end, arrays.flags[atom], missing)
            top += 1
        elif op == _CONSTANT:
            stack[top] = missing if argument == _MISSING else argument
            top += 1
        elif op in (_UNLESS_FALSE, _UNLESS_TRUE):
            if stack[top - 1] == (_FALSE if op == _UNLESS_FALSE else _TRUE):
                at = start + argument
        else:
            top = _combine(op, top, stack)
    return int(stack[0])


@outer
def verify(table: Int64s, cells: Int32s, candidates: Int32s) -> Int64s:
    """Finds out which candidates hold, and says it in words.

    Args:
        cells: [attributes, n].
        candidates: [m, 2] the events and conditions that are possible, of each event ascending by condition.
    """
    arrays = arrays_of(table)
    n, found, errors, skips, apart = cells.shape[1], len(candidates), 0, 0, arrays.sizes[APART]
    failed, truths, places = np.empty(found, np.int64), np.empty(found, np.uint8), np.zeros(2 * n + 1, np.int64)
    stack = np.empty(arrays.sizes[DEPTH] + 1, np.int64)
    for at in range(found):
        event, condition = candidates[at, 0], candidates[at, 1]
        truth = _TRUE if arrays.exact[condition] else _run(arrays, condition, cells, event, stack)
        truths[at] = truth
        if truth == _TRUE:
            places[event + 1 + (n if condition >= apart else 0)] += 1
        elif truth == _ERROR:
            failed[errors] = condition
            errors += 1
        elif truth == _MISSING:
            skips += 1
            failed[found - skips] = condition
    for place in range(2 * n):
        places[place + 1] += places[place]
    held = places[2 * n]
    said = np.empty(FIRST + 2 * held + errors + skips, np.int64)
    said[AT], said[OWN], said[HELD], said[ERRORS], said[FAILED] = len(arrays.kinds), places[n], held, errors, errors + skips
    for at in range(found):
        if truths[at] == _TRUE:
            event, condition = candidates[at, 0], candidates[at, 1]
            place = event + (n if condition >= apart else 0)
            said[FIRST + places[place]] = event
            said[FIRST + held + places[place]] = condition - (apart if condition >= apart else 0)
            places[place] += 1
    end = FIRST + 2 * held
    for at in range(errors):
        said[end + at] = failed[at]
    for at in range(skips):
        said[end + errors + at] = failed[found - skips + at]
    return said
