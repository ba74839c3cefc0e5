"""Lays out the steps of sequences that `patterns.sequences.kernels.simple` serves, and says which of them share their first event."""

from collections.abc import Sequence as Ordered
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.profiles.sections import Section
from features.profiles.sparse_entries import SECTION_BITS
from foundation.number_arrays import Int64s
from patterns.sequences.plan.layout import LaidOut
from patterns.sequences.plan.state_names import name_of_first
from patterns.sequences.plan.tables import (
    CAPTURES,
    EACH,
    GAP,
    GATED,
    KIND,
    LAST,
    LOCAL,
    OPTIONAL,
    ORDERED,
    PLAIN,
    PROGRAM,
    REPEATED,
    RULE,
    SECTION,
    STRICT,
    WAIT,
    WITHIN,
    Tables,
)

# Columns of steps, a cache line each. FIRSTS is the section with the event that the first step took, -1 where the long way serves the rule.
# LASTS_MS is how long what a step leaves behind means something.
IN_SECTION, FIRSTS, OF_RULE, NUMBER, HOW, GAP_MS, LASTS_MS, _, SHORT_COLUMNS = range(9)
IS_LAST, GIVES_EACH, KEEPS_OWN = 1, 2, 4
"""Bits of HOW. KEEPS_OWN: the first event is taken by the sequence alone."""
GOES_ON, OPENS, ALWAYS = range(3)
"""Kinds of steps: one that needs what the key has in one of two sections; one that opens sequences which share their first event, kept in
the first section; and one that the filter says nothing of."""
FIRST_WORDS = 2
"""Time and id of an event."""


class Firsts(NamedTuple):
    """The events that first steps took, each kept once for all sequences that begin with the same condition.

    Args:
        sections: one for each condition.
        of: [rules] the place among `sections` of each rule's first event; -1 where the long way serves the rule.
    """

    sections: tuple[Section, ...]
    of: Int64s


def firsts_of(tables: Tables, laid_out: Ordered[LaidOut]) -> Firsts:
    """Returns the first events of the sequences that the short way serves."""
    places: dict[str, int] = {}
    of = np.full(len(laid_out), -1)
    for number in np.flatnonzero(_are_simple(tables)).tolist():
        of[number] = places.setdefault(name_of_first(laid_out[number].sequence), len(places))
    return Firsts(tuple(Section(name, FIRST_WORDS, sparse=True) for name in places), of)


class ShortWay(NamedTuple):
    """Holds what the short way reads of steps.

    Args:
        steps: [steps, SHORT_COLUMNS].
        looks: [steps] see `patterns.sequences.kernels.movable`.
    """

    steps: Int64s
    looks: Int64s


def short_way(tables: Tables, firsts: Int64s, keeps_own: bool) -> ShortWay:
    """Lays out the steps of the sequences that the short way serves.

    Args:
        firsts: [rules] the number of the section of each rule's first event; -1 where the long way serves the rule.
        keeps_own: each sequence keeps its first event by itself.
    """
    steps, of = tables.steps, tables.steps[:, RULE]
    rules = tables.rules[of]
    longest_ms = np.zeros(int(firsts.max(initial=-1)) + 2, np.int64)  # of each section; the last place is for rules without one
    np.maximum.at(longest_ms, firsts, tables.rules[:, WITHIN])
    out = np.zeros((len(steps), SHORT_COLUMNS), np.int64)
    out[:, IN_SECTION], out[:, FIRSTS], out[:, OF_RULE], out[:, NUMBER] = rules[:, SECTION], firsts[of], of, steps[:, LOCAL]
    last, each = steps[:, LOCAL] == rules[:, LAST], rules[:, EACH] != 0
    out[:, HOW] = last * IS_LAST + each * GIVES_EACH + keeps_own * KEEPS_OWN
    out[:, GAP_MS], out[:, LASTS_MS] = (
        steps[:, GAP],
        np.where((out[:, NUMBER] == 0) & (not keeps_own), longest_ms[firsts[of]], rules[:, WITHIN]),
    )
    return ShortWay(out, _looks_of(out))


def _looks_of(short: Int64s) -> Int64s:
    """Packs where each step looks; one of a rule that the long way serves looks by itself."""
    shares = (short[:, FIRSTS] >= 0) & (short[:, HOW] & KEEPS_OWN == 0)
    first, second = short[:, NUMBER] == 0, short[:, NUMBER] == 1
    alone = (short[:, FIRSTS] < 0) | (~shares & first)
    kinds = np.where(alone, ALWAYS, np.where(first, OPENS, GOES_ON))
    return _packed(kinds, np.where(shares & (first | second), short[:, FIRSTS], short[:, IN_SECTION]), short[:, IN_SECTION])


def _packed(kinds: Int64s, firsts: Int64s, others: Int64s) -> Int64s:
    """Packs the kind of each step and its two sections, of which the first is fetched ahead, into a word: [steps]."""
    found: Int64s = (kinds << 2 * SECTION_BITS) | (others << SECTION_BITS) | firsts
    return found


def _are_simple(tables: Tables) -> NDArray[np.bool_]:
    """Tells of each rule whether it is of single steps in order that capture nothing."""
    steps, rules = tables.steps, tables.rules
    if not len(rules):
        return np.zeros(0, np.bool_)
    plain = (
        (steps[:, KIND] == PLAIN)
        & (steps[:, REPEATED] == 0)
        & (steps[:, OPTIONAL] == 0)
        & (steps[:, PROGRAM] < 0)
        & (steps[:, CAPTURES] == 0)
    )
    simple = (rules[:, ORDERED] != 0) & (rules[:, STRICT] == 0) & (rules[:, GATED] == 0) & (rules[:, WAIT] < 0) & (rules[:, LAST] > 0)
    np.logical_and.at(simple, steps[:, RULE], plain)
    result: NDArray[np.bool_] = simple
    return result
