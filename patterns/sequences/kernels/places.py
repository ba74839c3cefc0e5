"""Says where a step of a rule works in the words of a key, and whether its condition holds there."""

from typing import NamedTuple

from foundation.borrowing import inner, outer
from foundation.number_arrays import Float64s, Int64s
from patterns.sequences.kernels.arithmetic import LACKING, TRUE, ask
from patterns.sequences.kernels.records import Now
from patterns.sequences.kernels.ring import clear_ring
from patterns.sequences.plan.tables import CELLS, FIRST, KEPT, LAST, LEAST, NONE, PROGRAM, RECORD_WORDS, RING, SKIPPED, START, WAIT, Tables

FOUND_MAX = 128


class Place(NamedTuple):
    """Where a step of a rule works.

    Args:
        entry: the words of the key and rule.
        run, whole, best: room for a record each: of the run of the first step, of one that is being made, and of the best that is complete.
        stack: for `ask`.
        found: [FOUND_MAX, 2] room for partial matches that an event may follow: where each is, and the step that it ends with.
        counts: [COUNTS] of the rule.
    """

    rule: int
    entry: int
    run: int
    whole: int
    best: int
    stack: Float64s
    found: Int64s
    counts: Int64s


@inner
def cell(now: Now, place: Place, step: int, events: int, which: int) -> int:
    """Returns where the record `which` of a step's partial matches with so many events is; with the least number it is complete."""
    kept, words = now.rules[place.rule, KEPT], now.steps[step, RECORD_WORDS]
    return int(place.entry + now.steps[step, CELLS] + ((events - 1) * kept + which) * words)


@outer
def clear_entry(now: Now, tables: Tables, place: Place) -> None:
    """Empties what a key has of a rule."""
    rule = place.rule
    first = now.rules[rule, FIRST]
    for step in range(first, first + now.rules[rule, LAST] + 1):
        if now.steps[step, RING] >= 0:
            clear_ring(now, step, place.entry)
        if now.steps[step, CELLS] >= 0:
            cells = 1 if now.steps[step, RING] >= 0 else now.steps[step, LEAST]
            for events in range(1, cells + 1):
                for which in range(now.rules[rule, KEPT]):
                    now.words[cell(now, place, step, events, which) + now.rules[rule, START]] = NONE
    if now.rules[rule, WAIT] >= 0:
        now.words[place.entry + now.rules[rule, WAIT]] = NONE


@inner
def holds(now: Now, tables: Tables, place: Place, step: int, record: int, pred: int) -> bool:
    """Tells whether what a step's condition asks of earlier steps holds for a partial match that ends with `pred`."""
    program = now.steps[step, PROGRAM]
    if program < 0:
        return True
    answer = ask(now, tables, place.rule, step, program, record, pred, place.stack)
    if answer == LACKING:
        place.counts[SKIPPED] += 1
    return answer == TRUE
