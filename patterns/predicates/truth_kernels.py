"""Finds out which candidates hold, by running their code over the cells of events."""

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from foundation.compiled import inner
from foundation.number_arrays import Int64s
from patterns.predicates.bits import bits_of
from patterns.predicates.index_kernels import FIRST_CELL, MISSING_CELL, NAN_CELL, Int32s, Uint8s, Uint64s

_FALSE, _TRUE, _MISSING, _ERROR = 0, 1, 2, 3
_ATOM, _CONSTANT, _NOT, _BOTH, _EITHER, _CHOICE, _UNLESS_FALSE, _UNLESS_TRUE = range(8)
_ONE = np.uint64(1)
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
    "Tuple((int64[::1], int64[::1], int64[::1], int64[::1]))(int32[:, ::1], uint64[:, ::1], uint8[::1], uint8[::1], int64[::1],"
    " int64[:, ::1], int64[::1], int64[::1], int64[::1], uint8[::1], int64[::1], int64[::1], int64[::1], int64)"
)
def verify(
    cells: Int32s,
    candidates: Uint64s,
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
        cells, candidates: as for `find_candidates`.
        exact: see `blocks.Blocks`.
        missing, code_starts, code, atom_starts, atoms, attributes, flags, span_starts, first, last, depth: see `index.Codes`.

    Returns:
        The events and conditions that hold, ascending by event, then condition; the conditions that erred; those that were skipped.
    """
    found = 0
    for i in range(len(candidates)):
        for word in range(candidates.shape[1]):
            found += bits_of(candidates[i, word])
    events, conditions, failed = np.empty(found, np.int64), np.empty(found, np.int64), np.empty(found, np.int64)
    count, errors, skips = 0, 0, 0
    stack = np.empty(depth + 1, np.int64)
    for i in range(len(candidates)):
        for word in range(candidates.shape[1]):
            left = candidates[i, word]
            while left:
                condition = (word << 6) + bits_of((left & (~left + _ONE)) - _ONE)
                left &= left - _ONE
                truth = _TRUE
                if not exact[condition]:
                    of = code[code_starts[condition] : code_starts[condition + 1]]
                    own = atoms[atom_starts[condition] : atom_starts[condition + 1]]
                    truth = _run(of, own, cells, i, attributes, flags, span_starts, first, last, missing[condition], stack)
                if truth == _TRUE:
                    events[count], conditions[count] = i, condition
                    count += 1
                elif truth == _ERROR:
                    failed[errors] = condition
                    errors += 1
                elif truth == _MISSING:
                    skips += 1
                    failed[found - skips] = condition
    return events[:count], conditions[:count], failed[:errors], failed[found - skips :]
