"""Which rules matched which events of a batch, and what the engine asks of a release's rules."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from features.schema.batch import Batch

MATCHES_MAX = 33
"""Of an event, those that are named: the one that decided and 32 more. The others are counted."""

RULES_MAX = 1_023
"""Of a release: what is remembered of a decision has no room for higher positions."""

Values = Mapping[str, float | str | None]
"""What a rule found in an event, by name; missing numbers are None."""


class Rule(NamedTuple):
    """What a match says of its rule.

    Args:
        pattern: the rule's id.
        version: which text of it.
        action: one of `patterns.policy.ACTIONS`, that it asks for.
        shadow: it is watched, and decides nothing.
    """

    pattern: str
    version: str
    action: str
    shadow: bool


class Matches(NamedTuple):
    """m matches of n events, in the order of the events; of one event the weightiest first, `MATCHES_MAX` at most.

    Args:
        events: [m] row of the event in its batch, ascending.
        rules: [m] position among the release's rules.
        values: m times what was found.
        counts: [n] how many rules matched each event, those that are not named included.
    """

    events: NDArray[np.int64]
    rules: NDArray[np.int64]
    values: list[Values]
    counts: NDArray[np.int64]

    def at(self, rows: NDArray[np.int64]) -> "Matches":
        """Those of the events at `rows`, ascending, as of a batch of these alone."""
        places = np.full(len(self.counts), -1)
        places[rows] = np.arange(len(rows))
        kept = np.flatnonzero(places[self.events] >= 0)
        return Matches(places[self.events[kept]], self.rules[kept], [self.values[row] for row in kept.tolist()], self.counts[rows])

    def of_events(self, kept: NDArray[np.bool_]) -> "Matches":
        """The same without the matches of events outside the mask `kept`, [n]."""
        at = np.flatnonzero(kept[self.events])
        return Matches(self.events[at], self.rules[at], [self.values[row] for row in at.tolist()], np.where(kept, self.counts, 0))


class Rules(Protocol):
    """The compiled rules of a release.

    `each` says what a match says of the rule at its position. `cost_ns` is the CPU that an event costs, about, in nanoseconds.
    """

    @property
    def each(self) -> Sequence[Rule]: ...

    @property
    def cost_ns(self) -> float: ...

    def find_many(self, batch: Batch, features: NDArray[np.float64], models: Mapping[str, NDArray[np.float64]]) -> Matches:
        """Looks at every event of `batch`.

        Args:
            features: [n, features] in major units; NaN where missing.
            models: by name the score of each event in [0, 1]; NaN where there is none.
        """
        ...


class NoRules:
    """A release without rules."""

    each: tuple[Rule, ...] = ()
    cost_ns = 0.0

    def find_many(self, batch: Batch, features: NDArray[np.float64], models: Mapping[str, NDArray[np.float64]]) -> Matches:
        """No match."""
        return no_matches(len(batch))


NO_RULES = NoRules()


_NOTHING = np.zeros(0, np.int64)


def no_matches(n: int) -> Matches:
    """Of `n` events that no rule matched."""
    return Matches(_NOTHING, _NOTHING, [], np.zeros(n, np.int64))


def joined(parts: Sequence[Matches]) -> Matches:
    """Matches of batches that follow each other, as of one."""
    firsts = np.cumsum([0, *(len(part.counts) for part in parts)])[:-1].tolist()
    return Matches(
        np.concatenate([part.events + first for part, first in zip(parts, firsts, strict=True)]),
        np.concatenate([part.rules for part in parts]),
        [values for part in parts for values in part.values],
        np.concatenate([part.counts for part in parts]),
    )
