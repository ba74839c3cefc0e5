"""Says what room an event may need before it takes its steps, so that the kernel can stop in time and be given more."""

import numpy as np

from features.profiles.sparse_entries import LINE, USED_LINES, SparseArrays
from foundation.borrowing import inner
from foundation.number_arrays import Int64s
from patterns.sequences.kernels.room import FOUND_DUES, FOUND_MATCHES, Room
from patterns.sequences.plan.tables import (
    DUE_WORDS,
    DUES,
    KIND,
    LAST,
    LOCAL,
    MATCH_WORDS,
    MATCHES,
    NEEDS,
    NEW_LINES,
    ORDERED,
    PLAIN,
    RECORD,
    RULE,
    SECTION,
    STRICT,
    WAIT,
    Tables,
)


def needs_of(tables: Tables, firsts: Int64s, lines: Int64s) -> Int64s:
    """Returns [steps, NEEDS].

    Args:
        firsts: [rules] the number of the section of each rule's first event; -1 where the long way serves the rule.
        lines: by section, the lines of an entry; each may take one more in the directory of its key.
    """
    steps, rules = tables.steps, tables.rules[tables.steps[:, RULE]]
    ordered, plain = rules[:, ORDERED] != 0, steps[:, KIND] == PLAIN
    makes_own = ordered & (steps[:, LOCAL] == 1) & (firsts[steps[:, RULE]] >= 0)
    opens = np.where(ordered, (steps[:, LOCAL] == 0) | makes_own, plain)
    closes = np.where(ordered, steps[:, LOCAL] == rules[:, LAST], plain)
    waits = rules[:, WAIT] >= 0
    out = np.zeros((len(steps), NEEDS), np.int64)
    out[:, NEW_LINES] = opens * (lines[rules[:, SECTION]] + 1 + 2 * rules[:, STRICT])
    out[:, MATCHES], out[:, MATCH_WORDS] = closes, closes * rules[:, RECORD]
    out[:, DUES], out[:, DUE_WORDS] = waits, waits * (1 + rules[:, RECORD])
    return out


@inner
def add_up(needs: Int64s, moved: Int64s, opening: Int64s, asked: Int64s) -> None:
    """Writes into `asked` what the steps `moved` and `opening` need together."""
    for need in range(NEEDS):
        asked[need] = 0
    for step in moved:
        for need in range(NEEDS):
            asked[need] += needs[step, need]
    for step in opening:
        asked[NEW_LINES] += needs[step, NEW_LINES]


@inner
def has_room(asked: Int64s, sparse: SparseArrays, room: Room, scratch: int) -> bool:
    """Tells whether there is room for what is asked behind what is there.

    Args:
        scratch: the first word that entries may not take.
    """
    matches, dues = room.found[FOUND_MATCHES], room.found[FOUND_DUES]
    return bool(
        (sparse.numbers[USED_LINES] + asked[NEW_LINES]) * LINE <= scratch
        and matches + asked[MATCHES] <= len(room.events)
        and room.starts[matches] + asked[MATCH_WORDS] <= len(room.words)
        and dues + asked[DUES] <= len(room.due_slots)
        and room.due_starts[dues] + asked[DUE_WORDS] <= len(room.due_words)
    )
