"""Says what a learned threshold of a rule is to those who keep it, learn it and show it."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foundation.number_arrays import Float64s, Int64s
from patterns.thresholds.entity_level import CELL, OWN_SPREAD, SEEN, SPREAD, THRESHOLD, USUAL, WEIGHT, Bounds

VALUE = SEEN
COHORT = SEEN + 1
LOOKED = SEEN + 2
"""Columns of all that is known of an event: those of `entity_level.look`, the value, and the key of the cohort as the bits of a float."""

__all__ = ["CELL", "COHORT", "LOOKED", "OWN_SPREAD", "SEEN", "SPREAD", "THRESHOLD", "USUAL", "VALUE", "WEIGHT", "Asked", "Threshold"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold that a rule learns.

    Args:
        name: ``rule.threshold``, by which decisions and snapshots name it.
        key: the entity type whose usual values are learned.
        rate: the share of events that are to lie above it.
        bounds: half-life, floor and cap.
        section: names the words that the profile of each entity keeps of it. They stay when the rule's text, status, action, rate or bounds
            change, and no other rule has a part in them: a rule in shadow cannot move the threshold of one that acts.
        definition: what its snapshots say they are of: what the number is, whose, and by what cohorts. A changed rate or bound keeps them.
        is_corrected: whether labels take events out of what is usual and put them back: of users alone, since other entities learn from
            each event whatever comes of it.
    """

    name: str
    key: str
    rate: float
    bounds: Bounds
    section: str
    definition: str
    is_corrected: bool = False
    publish_every_ms: ClassVar[int] = 3_600_000
    """Of event time, between two snapshots of what cohorts have taught; where models are published more often, it is, too."""

    @property
    def corrections(self) -> str:
        """Names the words that the profile of a user keeps of labels, see `patterns.thresholds.corrections`."""
        return f"{self.section}:corrections"


def is_threshold(name: str) -> bool:
    """Tells whether a snapshot with this name is of a learned threshold: names of models have no point."""
    return "." in name


class Asked(NamedTuple):
    """What n events ask of a threshold.

    Args:
        values: [n] the numbers that are compared with it; NaN where missing.
        cohorts: [n] keys of the cohorts; 0 where there is none.
        texts: [n] the cohorts as people know them, which are texts; None where there is none.
    """

    values: Float64s
    cohorts: Int64s
    texts: NDArray[np.object_]


def keys_of(words: Float64s) -> Int64s:
    """Returns the keys [n] of cohorts whose texts have these hashes, see `features.schema.string_hash`; 0 for a missing text."""
    keys: Int64s = np.where(np.isnan(words), 0.0, words).view(np.int64)
    return keys
