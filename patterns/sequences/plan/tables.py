"""Names the columns of the tables in which sequences are laid out for the kernel.

What a key has of a sequence is an entry of words: cells of partial matches for each step, and a ring of events for a first step that is
repeated. A partial match is a record: where it started, and for each step so far a list of the events that this step took. Records of later
steps begin as those of earlier ones do, so that a longer one is made by copying the shorter one.
"""

from typing import NamedTuple

import numpy as np

from foundation.number_arrays import Float64s, Int64s

NONE = np.iinfo(np.int64).min
"""Stands for a time that is not there."""
UNBOUNDED = np.iinfo(np.int64).max >> 1
"""Stands for the greatest gap or number of events where there is none."""
LISTED_MAX = 8
"""A match names so many events of a step, the newest."""
STEPS_MAX = 31
USED_BIT = 32
"""Flags of a record: below, which absent steps came since; from here on, which repeated steps began a run from it."""

# Columns of a rule. SECTION is the number of its entries' section, WORDS their width. START, FLAGS and SEEN are words of a record, -1 where
# it has none. KEPT is how many records a cell has. LAST is the last step that is not absent. WAIT is where the entry holds the deadline
# of a trailing absence and the record that waits for it, -1 where there is none. RECORD is the width of a whole record. OPEN is the
# entry's word with the count of a strict rule in any order.
(
    SECTION,
    WORDS,
    FIRST,
    STEPS,
    WITHIN,
    ORDERED,
    STRICT,
    EACH,
    GATED,
    START,
    FLAGS,
    SEEN,
    KEPT,
    LAST,
    WAIT,
    RECORD,
    OPEN,
    RULE_COLUMNS,
) = range(18)

# Columns of a step. LOCAL is its number within its rule. CELLS is where the entry holds its cells, of RECORD_WORDS each; there are LEAST of
# them, one for each number of events. LIST is where a record holds the step's events: a count first where it is repeated, then CAP rows of
# ROW words, the newest first. AGGREGATES is where it holds what is captured of them, -1 where rows hold it. RING is where the entry holds
# the ring of a first step that is repeated, RING_SIZE rows of RING_ROW words. CAPTURED is the first of the CAPTURES columns of values that
# are captured. PROGRAM is what the step's condition asks of earlier steps, -1 for nothing.
(
    RULE,
    LOCAL,
    KIND,
    LEAST,
    MOST,
    GAP,
    OPTIONAL,
    REPEATED,
    CELLS,
    RECORD_WORDS,
    LIST,
    CAP,
    ROW,
    AGGREGATES,
    RING,
    RING_SIZE,
    RING_ROW,
    CAPTURED,
    CAPTURES,
    PROGRAM,
    STEP_COLUMNS,
) = range(21)
PLAIN, ABSENT, UNTIL, GATE = range(4)
"""Kinds of steps; `until` and the condition beside a sequence are steps of their own kinds, behind all others."""

# Words of a ring before its rows: rows held, where the next goes, events of the run, the time from which they are counted, the newest time
# that was pushed out, flags as of a record, the count of a strict key's events at the newest. Aggregates of the run follow.
RING_HELD, RING_NEXT, RING_TOTAL, RING_SINCE, RING_LOST, RING_FLAGS, RING_SEEN, RING_OWN = range(8)

# Aggregates of a captured column: how many events had a value, their sum, least, greatest, first and last value.
PRESENT, SUM, MIN, MAX, FIRST_VALUE, LAST_VALUE, AGGREGATE_WORDS = range(7)

LATE, DROPPED, CUT, SKIPPED, COUNTS = range(5)
"""Columns of what is counted of each rule: late events that some step would take; partial matches that gave way to others while they were
alive; runs of which only the newest events could be counted; events at which a condition lacked a value that the rule says to skip for."""

NEW_LINES, MATCHES, MATCH_WORDS, DUES, DUE_WORDS, NEEDS = range(6)
"""Columns of what a step may need at most when an event fires it: lines of entries that it makes, matches, words of matches, the same of
trailing absences."""


class Tables(NamedTuple):
    """Holds compiled sequences as arrays.

    Args:
        rules: [rules, RULE_COLUMNS].
        steps: [steps, STEP_COLUMNS], of all rules one after the other.
        captured: columns of the events' values that are captured.
        programs: by program, where its code begins; one more at the end.
        code: [instructions, 3], see `patterns.sequences.plan.programs`.
        constants: numbers in the code.
    """

    rules: Int64s
    steps: Int64s
    captured: Int64s
    programs: Int64s
    code: Int64s
    constants: Float64s
