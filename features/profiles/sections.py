"""Declares sections of a profile: words that a plug of the engine keeps for each key, such as the numbers of a detector.

Windows have words of their own, which the plan lays out and the kernel turns back for what comes late or is corrected. A section is never
turned back: what it took in, it took in. It goes with the profile: saved, restored, rested and let go with it, whatever the kind of entity.
`features.profiles.section_store` keeps them all alike, so that a new one is a declaration and nothing else.
"""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from features.profiles.retained_rows import RetainedRows
from foundation.number_arrays import Float64s, Int64s

RESTING_MAX = 4
"""Sections of a profile that rest in it: of those that nothing uses any more, the ones that fell out of use last."""


class WarmUp(NamedTuple):
    """How a section that is new to a profile learns what the profile retains.

    Args:
        columns: of the rows, that it learns: values of one column, or rows of several.
        scales: divide the numbers of each column.
        learn: as `detectors.learner.Keyed.score_learn_many`.
    """

    columns: tuple[str, ...]
    scales: tuple[float, ...]
    learn: Callable[[Float64s, Int64s, Float64s, Float64s], None]


@dataclass(frozen=True, slots=True)
class Section:
    """What is declared of a section.

    Args:
        name: a hash of the definition of whatever uses it: another definition has another section, which begins anew.
        width: 64-bit words a key.
        warm_up: how it begins in a profile that has history and no such section; none: as in a profile that is new.
        begins: the words of a key that is new, as many as `width`; none: zeros.
        begin: called for a profile that has history and no such section, once everything that was saved of it is there: it makes what other
            sections of the profile begin with, which are sparse. It gets the sparse sections, the slot, and the retained rows.
        sparse: few keys have it. A key gets its words when they are first made (`Profiles.section_rows`), and takes no room before.
    """

    name: str
    width: int
    warm_up: WarmUp | None = None
    begins: tuple[float, ...] = ()
    sparse: bool = False
    begin: "Callable[[Any, int, RetainedRows], None] | None" = None


Widths = tuple[tuple[str, int], ...]
"""Sections as the bytes of a profile declare them, in the order of their words: name and width of each."""


class SavedSections(NamedTuple):
    """Holds sections of one profile and all their words, in this order."""

    widths: Widths
    words: Float64s


def widths_of(sections: Iterable[Section]) -> Widths:
    """Name and width of each."""
    return tuple((section.name, section.width) for section in sections)


def places_of(widths: Widths) -> dict[tuple[str, int], slice]:
    """Where the words of each section are."""
    ends = itertools.accumulate((width for _, width in widths), initial=0)
    return {section: slice(start, start + section[1]) for section, start in zip(widths, ends, strict=False)}


def first_words(sections: Iterable[Section]) -> Float64s:
    """Returns the words of a key that is new, of all `sections`."""
    return np.array([word for section in sections for word in section.begins or (0.0,) * section.width])
