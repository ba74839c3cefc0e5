"""Tells, with some decision every few seconds, at how many events rules erred or were skipped: only the stage sees that."""

import numpy as np

from foundation.number_arrays import Int64s
from patterns.matches import Rules

TELL_MS = 5_000
RULES_MAX = 200
"""So many rules are told at a time, those that failed most often; the others are told with them once they are among these."""

Failures = dict[str, tuple[int, int]]
"""At how many events each rule erred, and was skipped because a value was missing, by its id."""


class RuleFailures:
    """Knows what was told before. A process that ends before it tells loses the last few seconds of these counts."""

    def __init__(self) -> None:
        self._told_ms = 0.0
        self._rules: Rules | None = None
        self._told = np.zeros((2, 0), np.int64)

    def since_told(self, rules: Rules, now_ms: float) -> Failures:
        """Returns what is new of `rules`, at most once in `TELL_MS`; mostly nothing."""
        if now_ms - self._told_ms < TELL_MS and now_ms >= self._told_ms and rules is self._rules:
            return {}
        self._told_ms = now_ms
        counts: Int64s = np.stack((rules.errors, rules.skips))
        if rules is not self._rules:
            self._rules, self._told = rules, np.zeros_like(counts)
        new = counts - self._told
        failing = np.flatnonzero(new.any(axis=0))
        if len(failing) > RULES_MAX:
            failing = failing[np.argsort(-new[:, failing].sum(axis=0), kind="stable")[:RULES_MAX]]
        self._told[:, failing] = counts[:, failing]
        return {rules.each[rule].pattern: (int(new[0, rule]), int(new[1, rule])) for rule in failing.tolist()}
