"""CPU time of the window kernel: 4 windows x 3 statistics over a million keys drawn by Zipf's law.

Two sizes, so that start-up and the first touch of memory cancel. Answers are checked against sums made anew before timing.
"""

import json
import math
import platform
import statistics
import sys
import time

import numpy as np

from features.plan.plan import Plan
from features.profiles.profiles import Profiles
from features.profiles.warm_kernels import compile_kernels
from features.schema.batch import Batch
from features.schema.schema import read_schema
from features.sets.feature_set import read_features

KEYS = 1_000_000
BATCH = 4_096
BAR_US = 1.0
_WINDOWS = ("1h", "6h", "1d", "7d")
_SCHEMA = "{id: {field: id, type: integer}, time: {field: time}, user: user, fields: {amount: {type: decimal, retain: true}}}"
_FEATURES = "\n".join(
    f"- {{name: {template}_{window}, template: {template}, window: {window}{', value: event.amount' if template != 'count' else ''}}}"
    for window in _WINDOWS
    for template in ("count", "sum", "mean")
)


def stream(events: int, keys: int, seed: int) -> tuple[np.ndarray, Batch]:
    """Keys (Zipf, exponent 1, shuffled) and events 50 ms apart."""
    random = np.random.default_rng(seed)
    weights = np.cumsum(1.0 / np.arange(1, keys + 1))
    chosen = random.permutation(keys)[np.searchsorted(weights, random.random(events) * weights[-1])].astype(np.int64)
    ids = np.arange(events, dtype=np.int64)
    times = 1_600_000_000_000 + 50 * ids
    amounts = np.floor(random.lognormal(8.0, 1.0, (events, 1)))
    return chosen, Batch([""] * events, ids, ids, times, [""] * events, {}, amounts, ids)


def plan_of_benchmark() -> Plan:
    schema = read_schema(_SCHEMA)
    return read_features(_FEATURES, schema).plans["user"]


def timed(events: int, seed: int) -> float:
    """CPU seconds to take in `events`, batch by batch."""
    slots, batch = stream(events, KEYS, seed)
    profiles = Profiles(plan_of_benchmark(), durable=False)
    profiles.slots([str(key) for key in range(KEYS)])
    parts = [(slots[at : at + BATCH], batch.take(np.arange(at, min(at + BATCH, events)))) for at in range(0, events, BATCH)]
    out = np.empty((BATCH, profiles.plan.width))
    start = time.process_time()
    for part_slots, part in parts:
        profiles.observe(part_slots, part, part.numbers, out[: len(part)])
    return time.process_time() - start


def check(events: int = 20_000, keys: int = 50) -> None:
    """Every answer of a small stream equals sums made anew."""
    slots, batch = stream(events, keys, seed=3)
    profiles = Profiles(plan_of_benchmark())
    own = profiles.slots([str(key) for key in range(keys)])[slots]
    out = np.empty((events, profiles.plan.width))
    profiles.observe(own, batch, batch.numbers, out)
    for key in range(keys):
        mine = np.flatnonzero(slots == key)
        times, amounts = batch.times_ms[mine], batch.numbers[mine, 0]
        sums = np.concatenate([[0.0], np.cumsum(amounts)])
        for at, hours in enumerate((1, 6, 24, 168)):
            first = np.searchsorted(times, times - hours * 3_600_000, side="right")
            count = np.arange(1, len(mine) + 1) - first
            total = (sums[1:] - sums[first]) / 100.0
            wanted = np.column_stack([count, total, total / count])
            if not np.allclose(out[mine, 3 * at : 3 * at + 3], wanted, rtol=1e-9, atol=0):
                raise AssertionError(f"window of {hours} h differs from sums made anew for key {key}")


def run(small: int = 1_000_000, large: int = 3_000_000, rounds: int = 3) -> dict[str, object]:
    """Checks, then measures; microseconds of CPU an event, the median of `rounds` and their spread."""
    compile_kernels()
    check()
    costs = [(timed(large, seed) - timed(small, seed)) / (large - small) * 1e6 for seed in range(rounds)]
    median = statistics.median(costs)
    return {
        "what": "window kernel: 4 windows x 3 statistics, 1M keys by Zipf, CPU us an event",
        "median": round(median, 3),
        "spread": [round(min(costs), 3), round(max(costs), 3)],
        "bar": BAR_US,
        "met": bool(median <= BAR_US),
        "events": [small, large],
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


if __name__ == "__main__":
    result = run(*(int(argument) for argument in sys.argv[1:]))
    json.dump(result, sys.stdout, indent=1)
    sys.exit(0 if result["met"] and math.isfinite(float(str(result["median"]))) else 1)
