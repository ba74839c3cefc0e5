"""Chooses the entities for which a canary acts."""

import hashlib
from collections.abc import Sequence

import numpy as np

from features.schema.string_hash import words_of
from foundation.number_arrays import Int64s
from patterns.matches import Bools

_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_BITS = np.uint64(11)
_UNIT = 2.0**-53


def seed_of(rule: str) -> int:
    """Returns 64 bits of a hash of a rule's id: each rule chooses other entities, and every text of one rule the same."""
    return int.from_bytes(hashlib.blake2b(rule.encode(), digest_size=8).digest(), "little")


def chosen(seed: int, share: float, entities: Sequence[str]) -> Bools:
    """Tells for each of n entities whether it is among the `share` of all that the rule with this `seed` has chosen.

    An entity that a small share has chosen is chosen by every greater one, too.
    """
    words: Int64s = words_of(entities, len(entities)).view(np.int64)
    mixed = words.view(np.uint64) ^ np.uint64(seed)
    with np.errstate(over="ignore"):  # the finaliser of splitmix64, which counts modulo 2^64
        mixed = (mixed ^ mixed >> _SHIFTS[0]) * _MULTIPLIERS[0]
        mixed = (mixed ^ mixed >> _SHIFTS[1]) * _MULTIPLIERS[1]
    mixed ^= mixed >> _SHIFTS[2]
    return (mixed >> _BITS).astype(np.float64) * _UNIT < share
