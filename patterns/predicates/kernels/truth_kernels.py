"""Finds out which candidates hold, by running their code over the cells of events."""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from foundation.compiled import inner
from foundation.number_arrays import Int64s
from patterns.predicates.kernels.index_kernels import FIRST_CELL, MISSING_CELL, NAN_CELL, Int32s, Uint8s

_FALSE, _TRUE, _MISSING, _ERROR = 0, 1, 2, 3
_ATOM, _CONSTANT, _NOT, _BOTH, _EITHER, _CHOICE, _UNLESS_FALSE, _UNLESS_TRUE = range(8)
_OF_NAN, _PRESENCE = 1, 2


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
def _run(
    code: NDArray[np.int64],
    atoms: Int64s,
    cells: Int32s,
    event: int,
    attributes: Int64s,
    flags: Uint8s,
    span_starts: Int64s,
    first: Int64s,
    last: Int64s,
    missing: int,
    stack: Int64s,
) -> int:
    """Returns the truth of a condition for an event."""
    top, at = 0, 0
    while at < len(code):
        op, argument = code[at, 0], code[at, 1]
        at += 1
        if op == _ATOM:
            atom = atoms[argument]
            cell = cells[attributes[atom], event]
            stack[top] = _truth_of_atom(cell, first, last, span_starts[atom], span_starts[atom + 1], flags[atom], missing)
            top += 1
        elif op == _CONSTANT:
            stack[top] = missing if argument == _MISSING else argument
            top += 1
        elif op in (_UNLESS_FALSE, _UNLESS_TRUE):
            if stack[top - 1] == (_FALSE if op == _UNLESS_FALSE else _TRUE):
                at = argument
        else:
            top = _combine(op, top, stack)
    return int(stack[0])


@compiled(
    "Tuple((int64[::1], int64[::1], int64[::1], int64[::1]))(int32[:, ::1], int32[::1], int32[::1], uint8[::1], uint8[::1], int64[::1],"
    " int64[:, ::1], int64[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int64[::1], int64)"
)
def verify(
    cells: Int32s,
    candidate_events: Int32s,
    candidates: Int32s,
    exact: Uint8s,
    missing: Uint8s,
    code_starts: Int64s,
    code: NDArray[np.int64],
    atom_starts: Int64s,
    atoms: Int64s,
    attributes: Int64s,
    flags: Uint8s,
    span_starts: Int64s,
    first: Int64s,
    last: Int64s,
    depth: int,
) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Finds out which candidates hold.

    Args:
        cells: [attributes, n].
        candidate_events, candidates: the events and conditions that are possible, of each event ascending by condition.
        exact: see `blocks.Blocks`.
        missing, code_starts, code, atom_starts, atoms, attributes, flags, span_starts, first, last, depth: see `index.Codes`.

    Returns:
        The events and conditions that hold, ascending by event, then condition; the conditions that erred; those that were skipped.
    """
    n, found, errors, skips = cells.shape[1], len(candidates), 0, 0
    failed, truths, places = np.empty(found, np.int64), np.empty(found, np.uint8), np.zeros(n + 1, np.int64)
    stack = np.empty(depth + 1, np.int64)
    for at in range(found):
        condition, event, truth = candidates[at], candidate_events[at], _TRUE
        if not exact[condition]:
            of = code[code_starts[condition] : code_starts[condition + 1]]
            own = atoms[atom_starts[condition] : atom_starts[condition + 1]]
            truth = _run(of, own, cells, event, attributes, flags, span_starts, first, last, missing[condition], stack)
        truths[at] = truth
        if truth == _TRUE:
            places[event + 1] += 1
        elif truth == _ERROR:
            failed[errors] = condition
            errors += 1
        elif truth == _MISSING:
            skips += 1
            failed[found - skips] = condition
    places = np.cumsum(places)
    events, conditions = np.empty(places[n], np.int64), np.empty(places[n], np.int64)
    for at in range(found):
        if truths[at] == _TRUE:
            event = candidate_events[at]
            events[places[event]], conditions[places[event]] = event, candidates[at]
            places[event] += 1
    return events, conditions, failed[:errors], failed[found - skips :]
