"""Which numbers count as there."""

from typing import Final

from detectors.compiled import compiled

LARGEST: Final = 1e100
"""Numbers further from 0 count as missing, as NaN does: their squares would overflow, and blind a detector for good."""


@compiled("boolean(float64)")
def is_present(value: float) -> bool:
    """Whether `value` is a number that a detector takes in."""
    return abs(value) <= LARGEST
