"""Reads the records of sequences that have matched: which events each step took, how many, and what was captured of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from foundation.number_arrays import Int64s
from patterns.sequences.plan.layout import LaidOut
from patterns.sequences.plan.programs import Read
from patterns.sequences.plan.tables import (
    AGGREGATE_WORDS,
    AGGREGATES,
    CAP,
    FIRST_VALUE,
    LAST_VALUE,
    LIST,
    LISTED_MAX,
    MAX,
    MIN,
    NONE,
    PRESENT,
    REPEATED,
    ROW,
    SUM,
    WITHIN,
    Tables,
)

UNKNOWN = -1
"""Stands for the start of a record of which only the sequence is known."""
_PLACES = {"sum": SUM, "min": MIN, "max": MAX, "first": FIRST_VALUE, "last": LAST_VALUE}


class TakenEvent(NamedTuple):
    """One event of a match."""

    step: str
    time_ms: int
    id_key: int


class Shape(NamedTuple):
    """Says where a record of one sequence holds what.

    Args:
        rule, steps: its rows of the tables, those of its steps only.
        names: of its steps.
        captures: what is captured, by step.
    """

    rule: Int64s
    steps: Int64s
    names: tuple[str, ...]
    captures: list[list[str]]

    @property
    def within_ms(self) -> int:
        """The time that a match spans at most."""
        return int(self.rule[WITHIN])


def shapes_of(tables: Tables, laid_out: Sequence[LaidOut]) -> list[Shape]:
    """Returns the shape of each sequence."""
    return [
        Shape(own.rule, own.steps[: len(own.sequence.steps)], tuple(step.name for step in own.sequence.steps), own.captures)
        for own in laid_out
    ]


@dataclass(frozen=True)
class MatchedSequences:
    """Holds m matches.

    Args:
        events: [m] the event that completed each; of absences that have come true the slot of the key instead.
        sequences: [m] the number of the sequence, see `Sequences.of`.
        starts: [m] where its record begins in `words`; `UNKNOWN`: nothing but the match itself is known.
        deadlines_ms: [m] of absences: when they came true; None: these are matches of events.
    """

    events: Int64s
    sequences: Int64s
    starts: Int64s
    words: Int64s
    shapes: Sequence[Shape]
    deadlines_ms: Int64s | None

    def __len__(self) -> int:
        return len(self.events)

    def taken(self, match: int) -> list[TakenEvent]:
        """Returns the events of a match in the order of their steps: of each step the newest `LISTED_MAX`, the oldest of them first.

        An event of a first step that is repeated and lies outside the time of the sequence before the last one is left out.
        """
        shape, start = self._shape(match), int(self.starts[match])
        found: list[TakenEvent] = []
        for at, name in enumerate(shape.names):
            rows = [start + word for word in self._rows(shape, at, start)[:LISTED_MAX]]
            found += [TakenEvent(name, int(self.words[row]), int(self.words[row + 1])) for row in reversed(rows)]
        newest = max((event.time_ms for event in found), default=0)
        return [event for event in found if event.time_ms >= newest - int(shape.rule[WITHIN])]

    def deadline_ms(self, match: int) -> int:
        """Returns when an absence came true."""
        assert self.deadlines_ms is not None
        return int(self.deadlines_ms[match])

    def count(self, match: int, step: str) -> int:
        """Returns how many events a step took."""
        shape = self._shape(match)
        return self._count(shape, shape.names.index(step), int(self.starts[match]))

    def value(self, match: int, read: Read) -> float:
        """Returns what is read of a step's events; NaN where it is missing. Texts are their hashes."""
        shape, start = self._shape(match), int(self.starts[match])
        at = shape.names.index(read.step)
        count = self._count(shape, at, start)
        if start == UNKNOWN:
            return math.nan
        if read.kind == "count":
            return float(count)
        if not count:
            return 0.0 if read.kind == "sum" else math.nan
        return self._captured(shape, at, start, shape.captures[at].index(read.text), read.kind)

    def _captured(self, shape: Shape, at: int, start: int, capture: int, kind: str) -> float:
        row, floats = shape.steps[at], self.words.view(np.float64)
        if row[AGGREGATES] < 0:
            values = [float(floats[start + word + 2 + capture]) for word in reversed(self._rows(shape, at, start))]
            return _aggregate(values, kind)
        words = floats[start + row[AGGREGATES] + capture * AGGREGATE_WORDS :][:AGGREGATE_WORDS]
        if kind == "mean":
            return float(words[SUM] / words[PRESENT]) if words[PRESENT] else math.nan
        if kind in ("min", "max") and not words[PRESENT]:
            return math.nan
        return float(words[_PLACES[kind]])

    def _shape(self, match: int) -> Shape:
        return self.shapes[int(self.sequences[match])]

    def _count(self, shape: Shape, at: int, start: int) -> int:
        row = shape.steps[at]
        if row[LIST] < 0 or start == UNKNOWN:
            return 0
        word = int(self.words[start + row[LIST]])
        return word if row[REPEATED] else int(word != NONE)

    def _rows(self, shape: Shape, at: int, start: int) -> list[int]:
        """Returns where the rows of a step's events begin, the newest first."""
        row = shape.steps[at]
        held = min(self._count(shape, at, start), int(row[CAP]))
        return [int(row[LIST] + row[REPEATED] + each * row[ROW]) for each in range(held)]


def joined(parts: Sequence[MatchedSequences]) -> MatchedSequences:
    """Returns matches of several kinds of keys as one; the sequences of each part are numbered behind those of the parts before it."""
    if len(parts) == 1:
        return parts[0]
    sequences, words = 0, 0
    numbers: list[Int64s] = []
    starts: list[Int64s] = []
    for part in parts:
        numbers.append(part.sequences + sequences)
        starts.append(np.where(part.starts == UNKNOWN, UNKNOWN, part.starts + words))
        sequences, words = sequences + len(part.shapes), words + len(part.words)
    shapes = [shape for part in parts for shape in part.shapes]
    events, all_words = (np.concatenate(each) for each in ([part.events for part in parts], [part.words for part in parts]))
    return MatchedSequences(events, np.concatenate(numbers), np.concatenate(starts), all_words, shapes, None)


def _aggregate(values: list[float], kind: str) -> float:
    present = [value for value in values if not math.isnan(value)]
    if kind in ("first", "last"):
        return values[0 if kind == "first" else -1]
    if kind == "sum":
        return sum(present)
    if not present:
        return math.nan
    return sum(present) / len(present) if kind == "mean" else min(present) if kind == "min" else max(present)
