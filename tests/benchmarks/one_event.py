"""CPU time of one event in a micro-batch of its own, in process: from its bytes to its decision's bytes, by the sample of payments.

The yardstick is a loop of plain calls of numpy on arrays of one number, and batches of 256 are measured beside it, in turn. Before a figure
is given, the decisions on events that came one at a time are compared, byte for byte, with those on the same events in batches of 256.
"""

import json
import pathlib
import statistics
import sys
import time
from collections.abc import Iterator

import msgspec
import numpy as np

from deploy.demo.payments import Town
from features.profiles.warm_kernels import compile_kernels
from features.schema.batch import Batch
from features.schema.decode import Decoder
from pipeline.engine.decisions.decision import decisions_of
from pipeline.engine.definitions.part_names import PARTS
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.engine.learners.learner import Learners
from pipeline.engine.scorer import Scorer

SAMPLE = pathlib.Path(__file__).parents[2] / "deploy" / "samples" / "payments"
WARM, TIMED, ROUNDS = 8_192, 2_048, 5
START_MS = 1_750_000_000_000
BAR_US = 100.0

_encode = msgspec.json.Encoder().encode


class Engine:
    """Decides on payments: what a process does that has the engine inside, without any transport."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.scorer = Scorer()
        self._decoder = Decoder(release.schema)

    def decide(self, events: list[bytes]) -> list[bytes]:
        """Decides on one micro-batch."""
        batch = Batch.of([self._decoder.decode(event, 1 << 50) for event in events], self.release.schema)
        verdicts = self.scorer.score(self.release, batch)
        missing = np.zeros(len(batch), np.uint8)
        return [_encode(decision) for decision in decisions_of(verdicts, batch, missing, batch.times_ms, START_MS)]

    def warm(self, events: list[bytes]) -> None:
        """Decides on events of the past, and scores with what can be learned from them from then on."""
        batch = Batch.of([self._decoder.decode(event, 1 << 50) for event in events], self.release.schema)
        verdicts = self.scorer.score(self.release, batch)
        learners = Learners(self.release)
        for each in learners.each:
            each.see(batch.id_keys, batch.id_keys, batch.times_ms, verdicts.inputs[each.model.name])
        for snapshot in learners.snapshots(1, int(batch.times_ms[-1])):
            self.scorer.install(snapshot, self.release)


def payments(count: int) -> list[bytes]:
    """Encoded payments of 500 customers, three a second."""
    town = Town(1, customers=500)
    return [town.payment(START_MS + 300 * number).encode() for number in range(count)]


def in_batches(events: list[bytes], size: int) -> Iterator[list[bytes]]:
    """Cuts `events` into micro-batches."""
    return (events[at : at + size] for at in range(0, len(events), size))


def cost_us(engine: Engine, events: list[bytes], size: int) -> tuple[float, list[bytes]]:
    """Microseconds of CPU an event in batches of `size`, and the decisions."""
    decided: list[bytes] = []
    began = time.process_time()
    for part in in_batches(events, size):
        decided += engine.decide(part)
    return (time.process_time() - began) / len(events) * 1e6, decided


def yardstick_us() -> float:
    """Microseconds of CPU of a hundred calls of numpy on an array of one number."""
    one, out = np.ones(1), np.empty(1)
    began = time.process_time()
    for _ in range(100 * 1_000):
        np.add(one, one, out=out)
    return (time.process_time() - began) / 1_000 * 1e6


def run() -> dict[str, object]:
    """Returns medians of the rounds; each round begins with engines that have seen the same events."""
    compile_kernels()
    release = compile_release(1, {part: (SAMPLE / f"{part}.yaml").read_text() for part in PARTS})
    events = payments(WARM + ROUNDS * TIMED)
    single, many = Engine(release), Engine(release)
    for engine in (single, many):
        engine.warm(events[:WARM])
    costs = []
    for first in range(WARM, len(events), TIMED):
        timed = events[first : first + TIMED]
        one_us, ones = cost_us(single, timed, 1)
        batch_us, batches = cost_us(many, timed, 256)
        if ones != batches:
            raise AssertionError("decisions on events that come alone differ from those in batches of 256")
        costs.append((one_us, batch_us, yardstick_us()))
    one_us, batch_us, yard_us = (statistics.median(column) for column in zip(*costs, strict=True))
    return {
        "what": "an event in a micro-batch of its own, CPU us from bytes to bytes; beside it in batches of 256, and 100 calls of numpy",
        "alone": round(one_us, 1),
        "in_256": round(batch_us, 2),
        "yardstick": round(yard_us, 2),
        "ratio": round(one_us / yard_us, 2),
        "spread": [round(cost[0], 1) for cost in costs],
        "bar_us": BAR_US,
        "met": one_us <= BAR_US,
    }


if __name__ == "__main__":
    result = run()
    json.dump(result, sys.stdout, indent=1)
    sys.exit(0 if result["met"] else 1)
