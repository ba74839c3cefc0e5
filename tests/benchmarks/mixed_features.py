"""CPU time of an event with 24 features of 24 templates, of a user and of two pairs and entities; and of each template alone.

100,000 keys by Zipf's law. What is computed is compared, event by event, with the same features each in a plan of its own; the
templates themselves are compared with oracles in the tests.
"""

import json
import statistics
import sys
import time

import numpy as np

from features.profiles.profiles import Profiles
from features.profiles.warm_kernels import compile_kernels
from features.schema.batch import Batch
from features.schema.schema import read_schema
from features.sets.feature_set import FeatureSet, read_features

KEYS, EVENTS, WARM, BATCH, ROUNDS = 100_000, 400_000, 200_000, 4_096, 3
BAR_US = 8.0
SCHEMA = read_schema(
    "{id: {field: id, type: integer}, time: {field: time}, user: user, entities: [shop], retention: 30d, fields: {"
    "amount: {type: decimal, retain: true}, category: {type: string, retain: true},"
    " latitude: {type: float, retain: true}, longitude: {type: float, retain: true}}}"
)
FEATURES = (
    "{template: count, window: 1h}",
    "{template: sum, window: 1d, value: event.amount}",
    "{template: mean, window: 7d, value: event.amount}",
    "{template: std, window: 7d, value: event.amount}",
    "{template: min, window: 1d, value: event.amount}",
    "{template: max, window: 7d, value: event.amount}",
    "{template: last, window: 1d, value: event.amount, where: 'event.amount > 20.0'}",
    "{template: previous, window: 7d, value: event.amount}",
    "{template: first, window: {session: 1h}, value: event.amount}",
    "{template: distinct, window: 1d, value: event.category}",
    "{template: top_share, window: 7d, value: event.category}",
    "{template: is_new, window: 7d, value: event.category}",
    "{template: entropy, window: {last: 20}, value: event.category}",
    "{template: time_since_last, window: 7d}",
    "{template: age, window: unbounded}",
    "{template: rate, window: 1h}",
    "{template: z_score, window: 7d, value: event.amount}",
    "{template: quantile_rank, window: 7d, value: event.amount}",
    "{template: ew_mean, half_life: 12h, value: event.amount}",
    "{template: ew_std, half_life: 12h, value: event.amount}",
    "{template: time_of_day, window: 7d}",
    "{template: geo_speed, window: 7d, latitude: event.latitude, longitude: event.longitude}",
    "{template: transition_surprise, window: 7d, value: event.category}",
    "{expression: 'event.amount / feature.f2'}",
)


def stream(events: int, seed: int = 1) -> tuple[np.ndarray, Batch]:
    """Keys and events 50 ms apart."""
    random = np.random.default_rng(seed)
    weights = np.cumsum(1.0 / np.arange(1, KEYS + 1))
    slots = random.permutation(KEYS)[np.searchsorted(weights, random.random(events) * weights[-1])].astype(np.int64)
    ids = np.arange(events, dtype=np.int64)
    numbers = np.column_stack([np.floor(random.lognormal(8.0, 1.0, events)), random.uniform(-60, 60, (events, 2))])
    categories = np.array([f"c{n}" for n in range(30)], dtype=object)[random.integers(0, 30, events)].tolist()
    texts = {"category": categories}
    return slots, Batch([""] * events, ids, ids, 1_600_000_000_000 + 50 * ids, [""] * events, {"shop": [""] * events}, numbers, ids, texts)


def features_of(lines: tuple[str, ...]) -> FeatureSet:
    """Features f0, f1 … from what is said of each."""
    return read_features("\n".join(f"- {{name: f{at}, {line[1:]}" for at, line in enumerate(lines)), SCHEMA)


def observed(features: FeatureSet, slots: np.ndarray, batch: Batch) -> tuple[float, np.ndarray]:
    """Microseconds of CPU an event behind the first ones, from columns of the batch to features, and all of these."""
    plan = features.plans["user"]
    profiles = Profiles(plan, durable=False)
    profiles.slots([str(key) for key in range(KEYS)])
    made = np.full((len(batch), len(features.names)), np.nan)
    seconds = 0.0
    for at in range(0, len(batch), BATCH):
        part = batch.take(np.arange(at, min(at + BATCH, len(batch))))
        own = made[at : at + len(part)]
        out = np.empty((len(part), plan.width))
        began = time.process_time()
        values = plan.row_values.of(part)
        profiles.observe(slots[at : at + BATCH], part, values, out)
        own[:, features.columns["user"]] = features.finish("user", out, values, part.times_ms)
        features.complete(part, own)
        seconds += time.process_time() - began if at >= WARM else 0.0
    return seconds / (len(batch) - WARM) * 1e6, made


def run() -> dict[str, object]:
    """All together, then each alone less a count of its own."""
    compile_kernels()
    slots, batch = stream(EVENTS)
    whole = features_of(FEATURES)
    rounds = [observed(whole, slots, batch) for _ in range(ROUNDS)]
    base_us, _ = observed(features_of(FEATURES[:1]), slots, batch)
    alone = {}
    for at, line in enumerate(FEATURES[1:-1], 1):
        us, made = observed(features_of((FEATURES[0], line)), slots, batch)
        if not np.array_equal(made[:, 1], rounds[0][1][:, at], equal_nan=True):
            raise AssertionError(f"{line} says otherwise alone than beside the others")
        alone[line.split()[1].rstrip(",")] = round(us - base_us, 2)
    median = statistics.median(us for us, _ in rounds)
    return {
        "what": "24 features of 24 templates, CPU us an event",
        "median": round(median, 2),
        "spread": [round(min(us for us, _ in rounds), 2), round(max(us for us, _ in rounds), 2)],
        "count_alone": round(base_us, 2),
        "more_beside_a_count": alone,
        "bar": BAR_US,
        "met": bool(median <= BAR_US),
    }


if __name__ == "__main__":
    result = run()
    json.dump(result, sys.stdout, indent=1)
    sys.exit(0 if result["met"] else 1)
