"""The risk of an alert: the maximum of its scores, each of which halves within a half-life."""

import math

from patterns.severities import SEVERITIES
from stores.casework.alerts import Alert

NEVER_MS = 1 << 60


def risk_now(alert: Alert, now_ms: int, half_life_ms: int) -> float:
    """Returns the risk at `now_ms`; a clock that was set back does not raise it."""
    return alert.risk * math.exp2(-max(0, now_ms - alert.risk_at_ms) / half_life_ms)


def below_risk_at_ms(alert: Alert, bound: float, half_life_ms: int) -> int:
    """Returns since when the risk is below `bound` if nothing joins: `risk_at_ms` if it is already."""
    if alert.risk < bound:
        return alert.risk_at_ms
    halvings = math.log2(alert.risk / bound) if bound > 0 else math.inf
    return NEVER_MS if halvings > 1e6 else alert.risk_at_ms + int(halvings * half_life_ms) + 1


def more_severe(one: str, other: str) -> str:
    """Returns the greater of two severities."""
    return max(one, other, key=SEVERITIES.index)
