"""Carries matches of sequences from one stage to another, as words beside the event that completed them."""

from collections.abc import Sequence

import numpy as np

from foundation.number_arrays import Int64s
from patterns.sequences.matched import UNKNOWN, MatchedSequences, Shape
from patterns.sequences.plan.tables import RECORD

BITS = 62
"""Sequences of which a word says whether they matched."""
ROOM_WORDS = 256
"""Words of records beside an event, unless one sequence alone has more. Where more sequences match at one event than have room, the last
ones are known to have matched, and nothing else is known of them."""


class Carried:
    """Writes and reads the words: bits that say which sequences matched, then the records of these, those of lower numbers first.

    Args:
        shapes: of the sequences of one kind of key.

    Attributes:
        width: the number of words of an event.
    """

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self._shapes = shapes
        self._sizes = [int(shape.rule[RECORD]) for shape in shapes]
        self._flags = -(-len(shapes) // BITS)
        self.width = self._flags + min(sum(self._sizes), max(ROOM_WORDS, *self._sizes))

    def write(self, matched: MatchedSequences, n: int) -> Int64s:
        """Returns [n, width] words of the matches of n events."""
        out = np.zeros((n, self.width), np.int64)
        used: dict[int, int] = {}
        for at in np.lexsort((matched.sequences, matched.events)).tolist():
            event, number = int(matched.events[at]), int(matched.sequences[at])
            out[event, number // BITS] |= 1 << (number % BITS)
            start, size = used.get(event, self._flags), self._sizes[number]
            if start + size <= self.width:
                out[event, start : start + size] = matched.words[matched.starts[at] :][:size]
            used[event] = start + size
        return out

    def read(self, words: Int64s) -> MatchedSequences:
        """Returns the matches that the words [n, width] of n events tell of."""
        events: list[int] = []
        numbers: list[int] = []
        starts: list[int] = []
        flat = np.ascontiguousarray(words)
        for event in np.flatnonzero(flat[:, : self._flags].any(axis=1)).tolist():
            start = self._flags
            for number in _numbers(flat[event, : self._flags].tolist()):
                size = self._sizes[number]
                events.append(event)
                numbers.append(number)
                starts.append(event * self.width + start if start + size <= self.width else UNKNOWN)
                start += size
        at, sequences, begins = (np.array(column, np.int64) for column in (events, numbers, starts))
        return MatchedSequences(at, sequences, begins, flat.reshape(-1), self._shapes, None)


def _numbers(flags: Sequence[int]) -> list[int]:
    return [at * BITS + bit for at, word in enumerate(flags) for bit in range(BITS) if word >> bit & 1]
