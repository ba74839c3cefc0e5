"""Room for what the loop over events finds: it is kept from batch to batch, and made larger when it is full."""

from typing import NamedTuple

import numpy as np

from foundation.borrowing import inner
from foundation.number_arrays import Int64s
from patterns.sequences.plan.tables import DUE_WORDS, DUES, MATCH_WORDS, MATCHES

FOUND_MATCHES, FOUND_DUES, FOUND = range(3)


class Room(NamedTuple):
    """Room for what is found.

    Args:
        counts: [rules, COUNTS] added to.
        found: [FOUND] how many matches and absences that have come true there are so far.
        events, rules, starts: of matches: the event, the rule, and where its record begins in `words`; one start more at the end.
        words: records of matches.
        due_slots, due_rules, due_starts, due_words: the same of trailing absences that have come true, which have a key and no event; their
            deadline stands before the record.
    """

    counts: Int64s
    found: Int64s
    events: Int64s
    rules: Int64s
    starts: Int64s
    words: Int64s
    due_slots: Int64s
    due_rules: Int64s
    due_starts: Int64s
    due_words: Int64s


@inner
def note_match(room: Room, event: int, rule: int, words: int) -> None:
    """Notes a match whose record was written behind those of the others."""
    matches = room.found[FOUND_MATCHES]
    room.events[matches], room.rules[matches], room.starts[matches + 1] = event, rule, room.starts[matches] + words
    room.found[FOUND_MATCHES] = matches + 1


def empty_room(counts: Int64s) -> Room:
    """Returns room in which nothing fits.

    Args:
        counts: of the room.
    """
    none = np.zeros(0, np.int64)
    return Room(counts, np.zeros(FOUND, np.int64), none, none, np.zeros(1, np.int64), none, none, none, np.zeros(1, np.int64), none)


def with_room(room: Room, asked: Int64s) -> Room:
    """Returns room for as much as is asked behind what was found, which it holds.

    Args:
        asked: [NEEDS] see `patterns.sequences.plan.tables`.
    """
    found, found_dues = room.found.tolist()
    words, due_words = int(room.starts[found]), int(room.due_starts[found_dues])
    matches = _enough(len(room.events), found + int(asked[MATCHES]))
    dues = _enough(len(room.due_slots), found_dues + int(asked[DUES]))
    return Room(
        room.counts,
        room.found,
        _longer(room.events, matches),
        _longer(room.rules, matches),
        _longer(room.starts, matches + 1),
        _longer(room.words, _enough(len(room.words), words + int(asked[MATCH_WORDS]))),
        _longer(room.due_slots, dues),
        _longer(room.due_rules, dues),
        _longer(room.due_starts, dues + 1),
        _longer(room.due_words, _enough(len(room.due_words), due_words + int(asked[DUE_WORDS]))),
    )


def _enough(have: int, least: int) -> int:
    """Returns a length that suffices: at least twice as much where what is there does not."""
    return have if least <= have else max(least, 2 * have)


def _longer(array: Int64s, length: int) -> Int64s:
    if length == len(array):
        return array
    longer = np.zeros(length, np.int64)
    longer[: len(array)] = array
    return longer
