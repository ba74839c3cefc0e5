"""CPU time of the window kernel where one key has a fifth of the traffic, beside the same stream without it.

4 windows x 3 statistics over a million keys by Zipf's law, as `window_kernel`. Both streams take turns. The answers for the hot key
are compared with sums made anew before a figure is given.
"""

import json
import statistics
import sys
import time

import numpy as np
from window_kernel import BATCH, KEYS, plan_of_benchmark, stream

from features.profiles.profiles import Profiles
from features.profiles.warm_kernels import compile_kernels
from features.schema.batch import Batch

SHARE, HOT = 0.2, 0
EVENTS, ROUNDS = 3_000_000, 3
RATIO_MAX = 1.3
HOUR_MS = 3_600_000


def observed(slots: np.ndarray, batch: Batch) -> tuple[float, np.ndarray]:
    """Microseconds of CPU an event in the last two thirds of a stream, and all answers."""
    profiles = Profiles(plan_of_benchmark(), durable=False)
    profiles.slots([str(key) for key in range(KEYS)])
    out = np.empty((len(batch), profiles.plan.width))
    seconds, timed = 0.0, 0
    for at in range(0, len(batch), BATCH):
        part = batch.take(np.arange(at, min(at + BATCH, len(batch))))
        began = time.process_time()
        profiles.observe(slots[at : at + BATCH], part, part.numbers, out[at : at + len(part)])
        if at >= len(batch) // 3:
            seconds += time.process_time() - began
            timed += len(part)
    return seconds / timed * 1e6, out


def check(slots: np.ndarray, batch: Batch, out: np.ndarray) -> None:
    """The hot key's sums over an hour."""
    mine = np.flatnonzero(slots == HOT)
    times, amounts = batch.times_ms[mine], batch.numbers[mine, 0]
    sums = np.concatenate([[0.0], np.cumsum(amounts)])
    first = np.searchsorted(times, times - HOUR_MS, side="right")
    if not np.allclose(out[mine, 1], (sums[1:] - sums[first]) / 100.0, rtol=1e-9, atol=0):
        raise AssertionError("the hot key's sums differ from sums made anew")


def run(events: int = EVENTS) -> dict[str, object]:
    """Medians of both streams, and of the quotients of each round."""
    compile_kernels()
    costs = []
    for seed in range(ROUNDS):
        slots, batch = stream(events, KEYS, seed)
        hot = np.where(np.random.default_rng(seed).random(events) < SHARE, HOT, slots)
        plain_us, _ = observed(slots, batch)
        hot_us, out = observed(hot, batch)
        check(hot, batch, out)
        costs.append((plain_us, hot_us))
    ratio = statistics.median(hot_us / plain_us for plain_us, hot_us in costs)
    return {
        "what": "window kernel, CPU us an event: without and with a key that has a fifth of the events",
        "without": round(statistics.median(plain_us for plain_us, _ in costs), 3),
        "with": round(statistics.median(hot_us for _, hot_us in costs), 3),
        "ratio": round(ratio, 2),
        "bar": RATIO_MAX,
        "met": bool(ratio <= RATIO_MAX),
    }


if __name__ == "__main__":
    result = run()
    json.dump(result, sys.stdout, indent=1)
    sys.exit(0 if result["met"] else 1)
