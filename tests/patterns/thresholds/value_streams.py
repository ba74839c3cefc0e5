"""Streams of values of many entities, with short and long histories, heavy tails and drift."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DAY_MS = 86_400_000
DAYS = 90


class Stream(NamedTuple):
    """Holds n events in the order of their times: entity, value, time in ms, and the key of the entity's cohort."""

    entities: NDArray[np.int64]
    values: NDArray[np.float64]
    times_ms: NDArray[np.int64]
    cohorts: NDArray[np.int64]


def stream(events: int, entities: int, tail: str, drifts: bool, seed: int = 1) -> Stream:
    """Makes `events` over 90 days. Entities differ in level, spread and activity; with `drifts` all values double meanwhile.

    Args:
        tail: of an entity's values: ``normal``, ``t4`` (Student's t with four degrees of freedom) or ``lognormal``.
    """
    random = np.random.default_rng(seed)
    activity = random.pareto(1.2, entities) + 0.2
    which = random.choice(entities, events, p=activity / activity.sum())
    level = np.exp(random.normal(3.0, 1.0, entities))
    spread = level * np.exp(random.normal(-1.0, 0.5, entities))
    noise = {
        "normal": lambda: random.normal(size=events),
        "t4": lambda: random.standard_t(4, events),
        "lognormal": lambda: (np.exp(random.normal(size=events)) - 1.65) / 2.16,
    }[tail]()
    times = (np.arange(events) * (DAYS * DAY_MS / events)).astype(np.int64)
    growth = 1.0 + times / times[-1] if drifts else 1.0
    return Stream(which, (level[which] + spread[which] * noise) * growth, times, which % 5 + 1)
