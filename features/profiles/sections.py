"""Sections of a profile: words that a plug of the engine keeps for each key, such as the numbers of a detector.

Windows have words of their own, which the plan lays out and the kernel turns back for what comes late or is corrected. A section is never
turned back: what it took in, it took in. It goes with the profile: saved, restored, rested and let go with it, whatever the kind of entity.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from features.layout.layout import FILL, FIRST, NEXT, NUMBERS_OF_ENTITY, NUMBERS_OF_USER, PAGE_WORDS, Arena
from features.plan.plan import Plan
from foundation.number_arrays import Float64s, Int64s

RESTING_MAX = 4
"""Sections of a profile that rest in it: of those that nothing uses any more, the ones that fell out of use last."""


class WarmUp(NamedTuple):
    """How a section that is new to a profile learns what the profile retains.

    Args:
        column: of the rows, that it learns.
        scale: divides the column's numbers.
        learn: as `detectors.learner.Keyed.score_learn_many`.
    """

    column: str
    scale: float
    learn: Callable[[Float64s, Int64s, Float64s, Float64s], None]


@dataclass(frozen=True, slots=True)
class Section:
    """What is declared of a section.

    Args:
        name: a hash of the definition of whatever uses it: another definition has another section, which begins anew.
        width: 64-bit words a key; all are 0 in a profile that is new.
        warm_up: how it begins in a profile that has history and no such section; none: with zeros.
    """

    name: str
    width: int
    warm_up: WarmUp | None = None


Widths = tuple[tuple[str, int], ...]
"""Sections as the bytes of a profile declare them, in the order of their words: name and width of each."""


class Resting(NamedTuple):
    """Sections of a profile that nothing uses, the one that fell out of use last first; no profile holds more than `RESTING_MAX`."""

    widths: Widths
    words: Float64s


def widths_of(sections: Iterable[Section]) -> Widths:
    """Name and width of each."""
    return tuple((section.name, section.width) for section in sections)


def places_of(widths: Widths) -> dict[tuple[str, int], slice]:
    """Where the words of each section are."""
    ends = itertools.accumulate((width for _, width in widths), initial=0)
    return {section: slice(start, start + section[1]) for section, start in zip(widths, ends, strict=False)}


def place_sections(saved: Widths, words: Float64s, widths: Widths, own: Float64s, others: Widths) -> Resting | None:
    """Gives each section of `widths` the words that were saved of it; gives the other saved ones, where there are any.

    Args:
        saved, words: the sections in the saved head and all their words.
        own: those of `widths` are written; the others stay as they are.
        others: those of the saved sections that may rest.
    """
    where, to = places_of(saved), places_of(widths)
    for section, place in to.items():
        if section in where:
            own[place] = words[where[section]]
    rest = [section for section in others if section not in to and words[where[section]].any()][:RESTING_MAX]
    if not rest:
        return None
    return Resting(tuple(rest), np.concatenate([words[where[section]] for section in rest]))


def warm_up(arena: Arena, plan: Plan, slot: int, saved: Widths, sections: Iterable[Section], own: Float64s) -> None:
    """Has each of `sections` that is not among the `saved` ones learn the retained rows of `slot`, oldest first."""
    places = places_of(widths_of(sections))
    for section in sections:
        known, way = (section.name, section.width), section.warm_up
        if known in saved or way is None:
            continue
        values = _retained(arena, plan, slot, way.column) / way.scale
        way.learn(own[None, places[known]], np.zeros(len(values), np.int64), values, np.empty(len(values)))


def _retained(arena: Arena, plan: Plan, slot: int, column: str) -> Float64s:
    """A column of the rows of `slot`, oldest first."""
    first = PAGE_WORDS + (NUMBERS_OF_USER if plan.is_user else NUMBERS_OF_ENTITY)
    word = first + [each.name for each in plan.columns].index(column)
    parts = [np.zeros(0)]
    page = int(arena.heads[slot, FIRST])
    while page >= 0:
        end = PAGE_WORDS + int(arena.pages[page, FILL]) * plan.row_words
        parts.append(arena.pages_f[page, word : end : plan.row_words])
        page = int(arena.pages[page, NEXT])
    return np.concatenate(parts)
