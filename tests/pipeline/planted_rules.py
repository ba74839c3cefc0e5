"""Rules that match without being asked why. For tests only."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from features.schema.batch import Batch
from patterns.matches import MATCHES_MAX, Matches, Rule


class PlantedRules:
    """Every event is matched by the first `matching` of 40 rules; the second one is in shadow.

    Args:
        matching: how many.
        where: by a column of the features, those whose value is above it; none: all.
    """

    cost_ns = 5.0

    def __init__(self, matching: int = 2, where: tuple[int, float] | None = None) -> None:
        self.each = [Rule(f"rule_{at}", "2", ("review", "block")[at % 2], at == 1) for at in range(40)]
        self._matching = matching
        self._where = where

    def find_many(self, batch: Batch, features: NDArray[np.float64], models: Mapping[str, NDArray[np.float64]]) -> Matches:
        hit = np.ones(len(batch), np.bool_) if self._where is None else features[:, self._where[0]] > self._where[1]
        named = min(self._matching, MATCHES_MAX)
        events = np.repeat(np.flatnonzero(hit), named)
        rules = np.tile(np.arange(named), int(hit.sum()))
        values = [{"amount": float(batch.numbers[event, 0]), "seen": f"rule {rule}"} for event, rule in zip(events, rules, strict=True)]
        return Matches(events, rules, values, hit * np.int64(self._matching))
