"""Places the numbers that detectors keep in a profile: those of detectors that run, and those at rest until one runs again."""

import itertools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from features.layout.layout import FILL, FIRST, NEXT, NUMBERS_OF_ENTITY, NUMBERS_OF_USER, PAGE_WORDS, Arena
from features.plan.plan import Plan
from foundation.number_arrays import Float64s, Int64s

RESTING_MAX = 4
"""The maximum number of detectors with numbers at rest in a profile: the latest that stopped running."""

Cells = tuple[tuple[str, int], ...]
"""Detectors that keep numbers in a profile, in the order of their numbers: pairs of name and number of cells."""


class Resting(NamedTuple):
    """Holds numbers of detectors that do not run, the latest that stopped first; a profile holds at most `RESTING_MAX` of them."""

    cells: Cells
    numbers: Float64s


class WarmUp(NamedTuple):
    """Says how a detector that is new to a profile learns the retained rows.

    Args:
        column: column of the rows that it learns.
        scale: divisor of the column's numbers.
        learn: function like `detectors.learner.Keyed.score_learn_many`.
    """

    column: str
    scale: float
    learn: Callable[[Float64s, Int64s, Float64s, Float64s], None]


WarmUps = Mapping[str, WarmUp]
"""Warm-ups by the detector's name; detectors that cannot learn from rows are absent."""


def place_numbers(saved: Cells, numbers: Float64s, cells: Cells, extra: Float64s) -> Resting | None:
    """Gives each detector of `cells` its saved numbers; returns the numbers of other detectors, if there are any.

    Args:
        saved, numbers: detectors in the saved head and all their numbers.
        extra: the numbers of `cells`; saved ones are written, the others stay.
    """
    where, to = starts_of(saved), starts_of(cells)
    for cell, start in to.items():
        if cell in where:
            extra[start : start + cell[1]] = numbers[where[cell] : where[cell] + cell[1]]
    others = [cell for cell, at in where.items() if cell not in to and numbers[at : at + cell[1]].any()][:RESTING_MAX]
    if not others:
        return None
    return Resting(tuple(others), np.concatenate([numbers[where[cell] : where[cell] + cell[1]] for cell in others]))


def warm_up(arena: Arena, plan: Plan, slot: int, saved: Cells, cells: Cells, extra: Float64s, warm_ups: WarmUps) -> None:
    """Lets each detector of `cells` that is not in `saved` learn the retained rows of `slot`, the oldest first."""
    for cell, start in starts_of(cells).items():
        way = warm_ups.get(cell[0])
        if cell in saved or way is None:
            continue
        values = _retained(arena, plan, slot, way.column) / way.scale
        way.learn(extra[None, start : start + cell[1]], np.zeros(len(values), np.int64), values, np.empty(len(values)))


def starts_of(cells: Cells) -> dict[tuple[str, int], int]:
    """Returns where the numbers of each detector begin."""
    ends = itertools.accumulate((width for _, width in cells), initial=0)
    return dict(zip(cells, ends, strict=False))


def _retained(arena: Arena, plan: Plan, slot: int, column: str) -> Float64s:
    """Returns a column of the rows of `slot`, the oldest first."""
    first = PAGE_WORDS + (NUMBERS_OF_USER if plan.is_user else NUMBERS_OF_ENTITY)
    word = first + [each.name for each in plan.columns].index(column)
    parts = [np.zeros(0)]
    page = int(arena.heads[slot, FIRST])
    while page >= 0:
        end = PAGE_WORDS + int(arena.pages[page, FILL]) * plan.row_words
        parts.append(arena.pages_f[page, word : end : plan.row_words])
        page = int(arena.pages[page, NEXT])
    return np.concatenate(parts)
