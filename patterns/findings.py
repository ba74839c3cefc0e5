"""What matches found, made only where somebody asks: replay asks for none of it, a decision for the values of those that it names."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from foundation.number_arrays import Int64s

Values = Mapping[str, float | str | None]
"""What a rule found in an event, by name; a missing value is None, and a bool is 0 or 1."""

Events = Sequence[tuple[int, int]]
"""(time in ms, key of the id) of the events of a sequence, the earliest first."""


class Source(Protocol):
    """Knows what the matches of one batch found; each has a place in it."""

    def values(self, place: int) -> Values:
        """Returns by name what the conditions of the match read."""
        ...

    def reason(self, place: int) -> str:
        """Returns what the match says, in words with values in them."""
        ...

    def events(self, place: int) -> Events:
        """Returns the events of a sequence; none for a rule on the event alone."""
        ...


class Findings(NamedTuple):
    """What m matches found.

    Args:
        sources: know it.
        which: [m] the position in `sources` of the one that knows.
        places: [m] the place there.
    """

    sources: tuple[Source, ...]
    which: Int64s
    places: Int64s

    def __len__(self) -> int:
        return len(self.places)

    def values(self, at: int) -> Values:
        """See `Source`."""
        return self.sources[int(self.which[at])].values(int(self.places[at]))

    def reason(self, at: int) -> str:
        """See `Source`."""
        return self.sources[int(self.which[at])].reason(int(self.places[at]))

    def events(self, at: int) -> Events:
        """See `Source`."""
        return self.sources[int(self.which[at])].events(int(self.places[at]))

    def at(self, kept: NDArray[np.int64] | NDArray[np.bool_]) -> "Findings":
        """Returns those that `kept` selects."""
        return Findings(self.sources, self.which[kept], self.places[kept])


_NONE = np.zeros(0, np.int64)
NOTHING_FOUND = Findings((), _NONE, _NONE)


def found_by(source: Source, count: int) -> Findings:
    """Returns what `count` matches found that stand in one source, from place 0 on."""
    return Findings((source,), np.zeros(count, np.int64), np.arange(count))


def findings_joined(parts: Sequence[Findings]) -> Findings:
    """Returns findings that follow each other as one."""
    firsts = np.cumsum([0, *(len(part.sources) for part in parts)])[:-1].tolist()
    return Findings(
        tuple(source for part in parts for source in part.sources),
        np.concatenate([part.which + first for part, first in zip(parts, firsts, strict=True)]),
        np.concatenate([part.places for part in parts]),
    )
