"""The one interface under which profiles keep state of each key: windows, keyed detectors, slots of rules, thresholds.

Whatever is kept of a key is declared: the readings of a plan lay out the words of windows, and a `Section` those of anything else. From
then on the profile keeps it, whatever the kind of entity: it begins, is saved and restored as bytes, counts as memory, and is let go.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from features.profiles.codec import SavedHead
from features.profiles.sections import SavedSections, Widths
from foundation.number_arrays import Float64s, Int64s


class Group(NamedTuple):
    """Names profiles whose heads hold the same sections.

    Args:
        places: [places] positions of the profiles in the draft.
        widths: the sections, in the order of their words.
        words: [places, words] all of their words.
    """

    places: Int64s
    widths: Widths
    words: Float64s


@dataclass(slots=True)
class Draft:
    """Gathers what is to be saved of n profiles, until it is bytes. Sections put their words in first, and windows make bytes of all.

    Args:
        slots: [n] slots of the profiles, each once.
        groups: of these profiles, each in one.
        heads: [n] one a profile.
        pages: (position, seq, bytes) of each sealed page that changed.
        dropped: (position, seq) of each evicted page.
    """

    slots: Int64s
    groups: list[Group] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    pages: list[tuple[int, int, bytes]] = field(default_factory=list)
    dropped: list[tuple[int, int]] = field(default_factory=list)


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
