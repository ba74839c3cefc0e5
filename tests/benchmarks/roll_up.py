"""The metrics and archive stages alone: CPU a decision, and how many decisions a row of event metrics stands for.

The demo's payments at 10,000 a second for a minute of event time, with a checkpoint each ten seconds; decisions of 1.5 KB. A hundredth
is late by a quarter of an hour. Before a figure is given, counts are compared with those of the decisions.
"""

import json
import random
import sys
import time
from collections import Counter

import msgspec

from deploy.demo.payments import Town
from pipeline.sinks.archive_stage import Keep
from pipeline.sinks.roll_up import RollUp
from pipeline.wire.bodies import PlacedRecord, write_placed_record
from pipeline.wire.bulk_state import pack_profiles
from pipeline.wire.bundle import write_bundle
from pipeline.wire.frames import read_frames
from stores.metrics.metric_rows import MINUTE_MS, MetricRow

RATE, SECONDS, CHECKPOINT_SECONDS, BUNDLE, PARTITIONS = 10_000, 60, 10, 512, 4
BAR_RATIO = 100
TOPIC = "weir.decisions"
START_MS = 1_700_000_040_000


class NoState:
    """Flink's state of a job that has just begun."""

    def read(self, keys: bytes) -> bytes:
        return pack_profiles([(None, [])])

    def write(self, keys: bytes, blobs: bytes) -> None:
        """Kept nowhere."""


def decisions(count: int) -> list[tuple[int, str, str, bytes]]:
    """(minute, action, category, record) of each."""
    town, drawn = Town(1), random.Random(1)
    features = {f"feature_{n}": n * 1.23456 for n in range(14)}
    made = []
    for number in range(count):
        payment = town.payment(START_MS + number * 1_000 // RATE)
        event_time = payment.at - (900_000 if number % 100 == 0 else 0)
        score = drawn.random()
        action = "approve" if score < 0.985 else "review" if score < 0.998 else "block"
        value = msgspec.json.encode(
            {
                "event_id": str(payment.payment_id), "revision": 0, "event_time": event_time, "user": payment.customer_id,
                "entities": {"terminal_id": payment.terminal_id, "device_id": payment.device_id}, "score": score, "action": action,
                "reasons": ["much more than usual"] * 3, "contributions": features, "matches": [], "event": {"amount": 12.5},
                "dimensions": {"merchant_category": payment.category}, "features": features, "models": {}, "release": 1,
                "flags": ["late"] if number % 100 == 0 else [], "processed_at": payment.at, "latency_ms": 3.0,
            }
        )  # fmt: skip
        record = PlacedRecord(TOPIC, number % PARTITIONS, number // PARTITIONS, payment.at, b"u", value)
        made.append((event_time // MINUTE_MS * MINUTE_MS, action, payment.category, write_placed_record(record)))
    return made


def measured(stage: RollUp | Keep, bodies: list[bytes]) -> tuple[float, list[bytes]]:
    """CPU microseconds a decision, and what left before each checkpoint."""
    bundles = [write_bundle("R", bodies[first : first + BUNDLE]) for first in range(0, len(bodies), BUNDLE)]
    each = RATE * CHECKPOINT_SECONDS // BUNDLE
    before, out = time.process_time(), []
    for number, bundle in enumerate(bundles, 1):
        out.append(stage.process(bundle))
        if number % each == 0 or number == len(bundles):
            out.append(stage.process(write_bundle("S", [b""])))
    return (time.process_time() - before) / len(bodies) * 1e6, out


def run() -> dict[str, object]:
    """Both stages."""
    made = decisions(RATE * SECONDS)
    bodies = [record for *_, record in made]
    roll_up_us, out = measured(RollUp(NoState(), 500_000), bodies)
    rows = [msgspec.json.decode(value, type=MetricRow) for frames in out for _, _, value in read_frames(frames)]
    counted: Counter[tuple[int, str, str]] = Counter()
    for row in rows:
        counted[row.time, row.action, row.dimensions["merchant_category"]] += row.count
    if counted != Counter(of[:3] for of in made):
        raise AssertionError("the rows do not add up to the decisions")
    keep_us, files = measured(Keep(NoState(), 500_000, "weir."), bodies)
    return {
        "what": "decisions rolled up and kept, stages alone",
        "roll_up_us": round(roll_up_us, 2),
        "keep_us": round(keep_us, 2),
        "bytes_a_kept_decision": round(sum(map(len, files)) / len(bodies)),
        "bytes_a_decision": round(sum(len(body) for body in bodies) / len(bodies)),
        "decisions_a_row": round(len(made) / len(rows)),
        "bar_decisions_a_row": BAR_RATIO,
        "met": len(made) / len(rows) >= BAR_RATIO,
    }


if __name__ == "__main__":
    result = run()
    json.dump(result, sys.stdout, indent=1)
    sys.exit(0 if result["met"] else 1)
