"""CPU time of what looks back over one hot key: an event that comes late, and the search for an id that was used before.

4 windows x 3 statistics, as `window_kernel`, over one key with 120,000 events. Late events stand behind 1 to 9,900 others, and behind
more than `rewind_max` (10,000), where they are refused; the cost of an event in order is that among a user's 1 to 100,000 events within
`dedupe`. Medians of `ROUNDS`. Each event has to have the fate that its place says.
"""

import json
import statistics
import sys
import time

import numpy as np
from window_kernel import plan_of_benchmark

from features.layout.layout import LATE, TOO_FAR_BACK
from features.profiles.profiles import Profiles
from features.profiles.warm_kernels import compile_kernels
from features.schema.batch import Batch

ROUNDS = 5
EVENTS = 120_000
START_MS = 1_700_000_000_000
BEHIND = (1, 100, 1_000, 9_900, 100_000)
WITHIN = (1, 100, 1_000, 10_000, 100_000)
DAY_MS = 86_400_000


def batch_of(times: np.ndarray, first_id: int) -> Batch:
    ids = first_id + np.arange(len(times), dtype=np.int64)
    numbers = np.full((len(times), 1), 100.0)
    return Batch([""] * len(ids), ids, ids, times.astype(np.int64), [""] * len(ids), {}, numbers, ids)


def observe(profiles: Profiles, batch: Batch) -> tuple[float, np.ndarray]:
    """Microseconds of CPU an event, and the flags."""
    out = np.empty((len(batch), profiles.plan.width))
    slots = np.zeros(len(batch), np.int64)
    began = time.process_time()
    flags = profiles.observe(slots, batch, batch.numbers, out).flags
    return (time.process_time() - began) / len(batch) * 1e6, flags


def late_us(behind: int) -> float:
    """Of one event behind so many others, all within the lateness of ten minutes."""
    profiles = Profiles(plan_of_benchmark(), durable=False)
    profiles.slots(["hot"])
    observe(profiles, batch_of(START_MS + np.arange(EVENTS), 0))
    costs = []
    for each in range(ROUNDS):
        us, flags = observe(profiles, batch_of(np.array([START_MS + EVENTS - 1 - behind]), EVENTS + each))
        wanted = LATE if behind < profiles.plan.schema.rewind_max else TOO_FAR_BACK
        if not flags[0] & wanted:
            raise AssertionError(f"behind {behind}: flags {flags}")
        costs.append(us)
    return statistics.median(costs)


def in_order_us(within: int) -> float:
    """Of one event of a user with so many within `dedupe`."""
    step_ms = max(1, DAY_MS // within)
    profiles = Profiles(plan_of_benchmark(), durable=False)
    profiles.slots(["hot"])
    times = START_MS + step_ms * np.arange(2 * max(within, 8_192))
    observe(profiles, batch_of(times, 0))
    later = times[-1] + step_ms * (1 + np.arange(8_192))
    return observe(profiles, batch_of(later, len(times)))[0]


def run() -> dict[str, object]:
    """The figures by how far one looks back."""
    compile_kernels()
    return {
        "what": "one hot key, CPU us an event",
        "late, behind so many events": {behind: round(late_us(behind), 1) for behind in BEHIND},
        "in order, with so many within dedupe": {within: round(in_order_us(within), 2) for within in WITHIN},
    }


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=1)
