"""What the scores of drift detectors with a state for each key mean: evidence beside its limit, which fades once it was found."""

from typing import Final

from detectors.compiled import compiled

SCALINGS: Final = ("none", "standard")
"""Whether limits are in the unit of the values, as River has them, or in standard deviations of each key's own values."""


def check_drift(grace_period: int, scaling: str, half_life: float) -> float:
    """Returns what a score is multiplied by at each value, so that it counts half after `half_life` values; 0 does not keep it.

    Raises:
        ValueError: a parameter that drift detectors share is outside its range.
    """
    if grace_period < 1:
        raise ValueError(f"grace_period: expected at least 1, got {grace_period}")
    if scaling not in SCALINGS:
        raise ValueError(f"scaling: expected one of {', '.join(SCALINGS)}, got {scaling!r}")
    if not half_life >= 0.0:
        raise ValueError(f"half_life: expected at least 0, got {half_life}")
    return float(0.5 ** (1.0 / half_life)) if half_life > 0.0 else 0.0


@compiled("float64(float64, float64)")
def of_limit(evidence: float, limit: float) -> float:
    """Returns evidence / (evidence + limit): 0 without any, above 0.5 beyond the limit, and towards 1 far beyond it."""
    return 1.0 / (1.0 + limit / evidence) if evidence > 0.0 else 0.0


@compiled("UniTuple(float64, 2)(float64, float64, float64)")
def faded(score: float, held: float, fade: float) -> tuple[float, float]:
    """Returns the greater of `score` and of what a drift before left, and what is left for the next value.

    Only scores above 0.5, where a drift was found, are held.
    """
    kept = held * fade
    return max(score, kept), max(score, kept) if score > 0.5 else kept
