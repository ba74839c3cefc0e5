"""Bytes that an event in sealed history takes, and CPU time of writing and reading a page.

Cards with 200 payments each, days apart, of three retained fields: an amount, a merchant of 2,000, a category of 20. Ids are
integers, or texts of which nothing can be guessed. Every value is read back and compared before a figure is given.
"""

import json
import sys
import time
import uuid

import numpy as np

from features.layout.layout import PAGE
from features.plan.plan import Plan
from features.profiles.page_decoding import read_pages
from features.profiles.page_encoding import pages_as_bytes
from features.profiles.profiles import Profiles
from features.profiles.warm_kernels import compile_kernels
from features.schema.batch import Batch
from features.schema.schema import read_schema
from features.sets.feature_set import read_features

KEYS, EVENTS = 1_000, 200
BAR_BYTES = 40.0
_SCHEMA = """
{id: {field: id}, time: {field: at}, user: card, entities: [shop], retention: 3650d, fields: {amount: {type: decimal, retain: true},
 merchant: {type: string, retain: true}, category: {type: string, retain: true}}}
"""
_FEATURES = """
- {name: spent_7d, template: sum, value: event.amount, window: 7d}
- {name: shop_7d, template: sum, value: event.amount, window: 7d, entity: shop}
"""
SCHEMA = read_schema(_SCHEMA)


def stream(text_ids: bool, seed: int = 1) -> tuple[np.ndarray, Batch]:
    """The key and the columns of each event, in order of time."""
    random = np.random.default_rng(seed)
    n = KEYS * EVENTS
    times = np.sort(1_600_000_000_000 + random.integers(0, 365 * 86_400_000, n))
    ids = np.arange(n, dtype=np.int64)
    keys = random.integers(-(1 << 63), (1 << 63) - 1, n) if text_ids else ids
    orders = np.frombuffer(b"".join(uuid.UUID(bytes=random.bytes(16)).bytes[:8] for _ in range(n)), "<i8") if text_ids else ids
    bodies = random.integers(0, 1 << 32, n) + (random.integers(180, 220, n) << 32)
    amounts = np.floor(random.lognormal(8.0, 1.0, (n, 1)))
    texts = {
        "merchant": [f"m{number}" for number in random.zipf(1.3, n) % 2_000],
        "category": [f"c{number}" for number in random.integers(0, 20, n)],
    }
    users = [f"c{number}" for number in random.integers(0, 50_000, n)]
    return random.integers(0, KEYS, n), Batch([""] * n, keys, orders, times, users, {}, amounts, bodies, texts)


def filled(plan: Plan, text_ids: bool) -> Profiles:
    """Profiles that hold the stream; a user's events with scores and outcomes, as after decisions."""
    slots, batch = stream(text_ids)
    profiles = Profiles(plan)
    profiles.slots([str(key) for key in range(KEYS)])
    observed = profiles.observe(slots, batch, plan.row_values.of(batch), np.empty((len(batch), plan.width)))
    if plan.is_user:
        random = np.random.default_rng(2)
        profiles.remember(observed.rows, random.random(len(batch)), 1 << 20 | random.integers(0, 3, len(batch)))
    return profiles


def measured(plan: Plan, text_ids: bool) -> dict[str, float]:
    """Bytes of a sealed event, and microseconds of CPU a page."""
    profiles = filled(plan, text_ids)
    pages = [page for _, page in profiles.slab.sealed[: profiles.slab.counters[2]].tolist()]
    began = time.process_time()
    blobs = pages_as_bytes(profiles.slab, pages, plan.row_words)
    written = time.process_time()
    rows = read_pages(blobs, plan.row_words)
    read = time.process_time()
    raw = profiles.slab.pages[pages][:, -PAGE * plan.row_words :]
    if not (np.concatenate(rows).ravel() == raw.ravel()).all():
        raise AssertionError("what was read is not what was written")
    return {
        "bytes_an_event": round(sum(map(len, blobs)) / (PAGE * len(pages)), 1),
        "raw_bytes": 8 * plan.row_words,
        "write_us_a_page": round((written - began) / len(pages) * 1e6, 2),
        "read_us_a_page": round((read - written) / len(pages) * 1e6, 2),
        "pages": len(pages),
    }


def run() -> dict[str, object]:
    """All four cases: a user or another entity, ids as integers or texts."""
    compile_kernels()
    plans = read_features(_FEATURES, SCHEMA).plans
    for kind in plans:
        measured(plans[kind], False)  # what is touched first costs more
    cases = {(kind, ids): measured(plans[kind], ids == "text") for kind in plans for ids in ("integer", "text")}
    return {
        "what": "sealed history: three fields, time and id; of a card also body and decision, which the bar does not count",
        "cases": {f"{kind}, {ids} ids": case for (kind, ids), case in cases.items()},
        "bar_bytes": BAR_BYTES,
        "met": all(case["bytes_an_event"] <= BAR_BYTES for (kind, _), case in cases.items() if not plans[kind].is_user),
    }


if __name__ == "__main__":
    result = run()
    json.dump(result, sys.stdout, indent=1)
    sys.exit(0 if result["met"] else 1)
