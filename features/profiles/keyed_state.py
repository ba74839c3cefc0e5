"""The one interface under which profiles keep state of each key: windows, keyed detectors, slots of rules, thresholds.

Whatever is kept of a key is declared: the readings of a plan lay out the words of windows, and a `Section` those of anything else. From
then on the profile keeps it, whatever the kind of entity: it begins, is saved and restored as bytes, counts as memory, and is let go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from features.profiles.codec import SavedHead
from features.profiles.heads import Heads
from features.profiles.sections import SavedSections, Widths
from foundation.number_arrays import Float64s, Int64s


class PutSections(Protocol):
    """Writes the words of all sections of a draft into the buffer that its heads are written into."""

    def __call__(self, words: Int64s, gaps: Int64s) -> None:
        """Writes those of each profile, one section after the other, from its place in `gaps` on."""
        ...


@dataclass(slots=True)
class Draft:
    """Gathers what is to be saved of n profiles, until it is bytes. Sections say what room they need, and windows make bytes of all.

    Args:
        slots: [n] slots of the profiles, each once.
        shapes: the sections, in the order of their words, of heads that hold the same ones.
        shape_of: [n] the place among `shapes` of each profile's.
        put_sections: writes their words.
        heads: one a profile.
        pages: (position, seq, bytes) of each sealed page that changed.
        dropped: (position, seq) of each evicted page.
    """

    slots: Int64s
    shapes: list[Widths]
    shape_of: Int64s
    put_sections: PutSections
    heads: Heads
    pages: list[tuple[int, int, bytes]]
    dropped: list[tuple[int, int]]

    @classmethod
    def of(cls, slots: Int64s) -> "Draft":
        """Returns a draft that holds nothing of `slots` yet."""
        return cls(slots, [()], np.zeros(len(slots), np.int64), lambda words, gaps: None, Heads.of([]), [], [])


class KeyedState(Protocol):
    """Keeps state of many keys by slot.

    `rewinds` says what becomes of it when an event is late, corrected or retracted: with True it is afterwards as if that event had come in
    its place, made from what the profile retains; with False it stands, since what it took in, it took in.
    """

    rewinds: bool

    def grow(self, slots: int) -> None:
        """Makes room for so many slots."""
        ...

    def begin(self, slot: int) -> None:
        """Gives `slot` the state of a key that was never seen."""
        ...

    def save(self, draft: Draft) -> None:
        """Adds to `draft` what the bytes of its profiles have to hold."""
        ...

    def restore(self, slot: int, saved: SavedHead, pages: Sequence[tuple[int, bytes]]) -> None:
        """Gives `slot`, which has begun, what `save` wrote, under this layout or an earlier one."""
        ...

    def forget(self, slots: Sequence[int]) -> None:
        """Empties `slots`."""
        ...

    def size_bytes(self, keys: int) -> int:
        """Returns the approximate memory of so many keys, all that are held, without what is free inside the arrays."""
        ...


class FewHave(Protocol):
    """Keeps sections that few profiles have; the profiles that have some name them in their bytes."""

    def __len__(self) -> int:
        """Returns 0 where no profile has any."""
        ...

    def saved(self, slot: int) -> SavedSections | None:
        """Returns the sections of `slot` with their words; None where it has none."""
        ...

    def restore(self, slot: int, saved: Widths, words: Float64s) -> Widths:
        """Takes over its own ones among the sections of a saved profile, and returns the others."""
        ...

    def forget(self, slots: Sequence[int]) -> None:
        """Frees what `slots` have."""
        ...

    def size_bytes(self, keys: int) -> int:
        """Returns the approximate memory of so many keys, all that are held."""
        ...
