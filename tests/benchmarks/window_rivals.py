"""Exact sliding windows a key, by Weir and by what else there is: count, sum and mean over 1 hour, 6 hours, 1 day and 7 days.

Beside the kernel: dictionaries of deques with running sums, written for speed; River's ``TimeRolling`` (sum and mean: its count cannot
forget); Bytewax, whose own windows hop, so that here its ``stateful_map`` keeps the same deques. All of them see the same events, and
all answers are compared before a figure is given. Bytewax is of the dependency group ``bench`` and is passed over where it is missing.
"""

import datetime
import importlib.util
import json
import sys
import time
from collections import deque
from typing import Any

import numpy as np
from river import stats, utils
from window_kernel import BATCH, plan_of_benchmark, stream

from features.profiles.profiles import Profiles
from features.profiles.warm_kernels import compile_kernels
from features.schema.batch import Batch

KEYS, EVENTS = 10_000, 200_000
HOUR_MS = 3_600_000
WINDOWS_MS = tuple(hours * HOUR_MS for hours in (1, 6, 24, 168))
_EPOCH = datetime.datetime(1970, 1, 1)


def by_weir(slots: np.ndarray, batch: Batch) -> np.ndarray:
    """In batches, as the engine takes events in."""
    profiles = Profiles(plan_of_benchmark(), durable=False)
    own = profiles.slots([str(key) for key in range(KEYS)])[slots]
    out = np.empty((len(batch), profiles.plan.width))
    for at in range(0, len(batch), BATCH):
        part = batch.take(np.arange(at, min(at + BATCH, len(batch))))
        profiles.observe(own[at : at + BATCH], part, part.numbers, out[at : at + len(part)])
    return out


class Deques:
    """A key's windows: of each its events and their sum."""

    __slots__ = ("events", "sums")

    def __init__(self) -> None:
        self.events: list[deque[tuple[int, float]]] = [deque() for _ in WINDOWS_MS]
        self.sums = [0.0] * len(WINDOWS_MS)

    def take(self, time_ms: int, amount: float) -> list[float]:
        answer = []
        for at, length_ms in enumerate(WINDOWS_MS):
            events = self.events[at]
            total = self.sums[at] + amount
            while events and events[0][0] <= time_ms - length_ms:
                total -= events.popleft()[1]
            events.append((time_ms, amount))
            self.sums[at] = total
            answer += [len(events), total, total / len(events)]
        return answer


def by_deques(slots: np.ndarray, batch: Batch) -> np.ndarray:
    """An event at a time."""
    keys: dict[int, Deques] = {}
    answers = []
    for key, time_ms, amount in zip(slots.tolist(), batch.times_ms.tolist(), (batch.numbers[:, 0] / 100).tolist(), strict=True):
        windows = keys.get(key)
        if windows is None:
            windows = keys[key] = Deques()
        answers.append(windows.take(time_ms, amount))
    return np.array(answers)


def by_river(slots: np.ndarray, batch: Batch) -> np.ndarray:
    """An event at a time, without counts."""
    keys: dict[int, list[Any]] = {}
    answers = []
    times = [_EPOCH + datetime.timedelta(milliseconds=time_ms) for time_ms in batch.times_ms.tolist()]
    for key, at, amount in zip(slots.tolist(), times, (batch.numbers[:, 0] / 100).tolist(), strict=True):
        windows = keys.get(key)
        if windows is None:
            periods = [datetime.timedelta(milliseconds=length_ms) for length_ms in WINDOWS_MS]
            windows = keys[key] = [utils.TimeRolling(of, period=period) for period in periods for of in (stats.Sum, stats.Mean)]
        for window in windows:
            window.update(amount, t=at)
        answers.append([window.get() for window in windows])
    return np.array(answers)


def by_bytewax(slots: np.ndarray, batch: Batch) -> np.ndarray:
    """One worker."""
    import bytewax.operators as operators
    from bytewax.dataflow import Dataflow
    from bytewax.testing import TestingSink, TestingSource, run_main

    def take(windows: Deques | None, event: tuple[int, int, float]) -> tuple[Deques, tuple[int, list[float]]]:
        windows = windows or Deques()
        return windows, (event[0], windows.take(*event[1:]))

    columns = (range(len(batch)), batch.times_ms.tolist(), (batch.numbers[:, 0] / 100).tolist())
    events = [(str(key), event) for key, event in zip(slots.tolist(), zip(*columns, strict=True), strict=True)]
    found: list[tuple[str, tuple[int, list[float]]]] = []
    flow = Dataflow("windows")
    answers = operators.stateful_map("take", operators.input("in", flow, TestingSource(events, batch_size=BATCH)), take)
    operators.output("out", answers, TestingSink(found))
    run_main(flow)
    return np.array([answer for _, (_, answer) in sorted(found, key=lambda pair: pair[1][0])])


def run() -> dict[str, object]:
    """Microseconds of CPU an event, and how many times Weir's that is."""
    compile_kernels()
    slots, batch = stream(EVENTS, KEYS, seed=1)
    ways = {"weir": by_weir, "deques": by_deques, "river": by_river}
    if importlib.util.find_spec("bytewax") is not None:
        ways["bytewax"] = by_bytewax
    costs, answers = {}, {}
    for name, way in ways.items():
        began = time.process_time()
        answers[name] = way(slots, batch)
        costs[name] = (time.process_time() - began) / EVENTS * 1e6
    for name, answer in answers.items():
        wanted = np.delete(answers["weir"], [0, 3, 6, 9], axis=1) if name == "river" else answers["weir"]
        if not np.allclose(answer, wanted, rtol=1e-6, atol=1e-6):
            raise AssertionError(f"{name} says otherwise")
    return {
        "what": "count, sum and mean over four sliding windows, CPU us an event",
        "us": {name: round(us, 2) for name, us in costs.items()},
        "times_weir": {name: round(us / costs["weir"], 1) for name, us in costs.items()},
        "missing": [] if "bytewax" in ways else ["bytewax: uv sync --group bench"],
    }


if __name__ == "__main__":
    json.dump(run(), sys.stdout, indent=1)
