"""Events of known outcome with the scores of models whose difference is known. For tests only."""

import numpy as np

from pipeline.comparison.known_outcomes import DAY_MS, KnownOutcomes

N = 6_000


def outcomes(seed: int, days: int = 14, gap: float = 1.0) -> KnownOutcomes:
    """Two models of which the second tells frauds apart better by `gap` standard deviations, and one as good as the first."""
    draw = np.random.default_rng(seed)
    fraud = draw.random(N) < 0.03
    seen = draw.normal(size=N)
    scores = {
        "old": 1 / (1 + np.exp(-(seen + 1.0 * fraud))),
        "new": 1 / (1 + np.exp(-(seen + (1.0 + gap) * fraud))),
        "same": 1 / (1 + np.exp(-(draw.normal(size=N) + 1.0 * fraud))),
    }
    day_ms = draw.integers(0, days, N) * DAY_MS
    return KnownOutcomes(day_ms, draw.integers(0, 900, N), fraud, scores, np.full(N, np.nan), {day * DAY_MS: 1.0 for day in range(days)})
