"""The share of events above a learned threshold is the declared one in every cohort and band of history, through the whole engine."""

import os
import pathlib

import msgspec
import numpy as np
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from scipy.stats import poisson

from features.schema.batch import Batch
from features.schema.decode import Decoder
from patterns.thresholds.cells import BANDS, LEVELS
from patterns.thresholds.threshold import CELL, COHORT, LOOKED, THRESHOLD, VALUE, keys_of
from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import History, read_history

ROOT = pathlib.Path(__file__).parents[2]
DATA = pathlib.Path(os.environ.get("WEIR_DATA", ROOT / "../shared/data")) / "fdh-raw-apr-jul.parquet"
EVENTS = int(os.environ.get("THRESHOLD_EVENTS", 300_000))
RATE = 1 / 200
SETTLING = 100
DAY_MS = 86_400_000
START_MS = 1_700_000_000_000
MODELS = "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: %s, inputs: [event.%s]}"
POLICY = "{score: first_ready(own), bands: [{action: approve}]}"
RULE = (
    "title: More than usual\nowner: tests\nstatus: active\nadaptive: {usual: {of: '%s', key: %s, rate: 1/200, cohort: '%s'}}\n"
    "when: %s > adaptive.usual\nthen: {action: review}\n"
)

BY_NIGHT = 'feature.night == 1.0 ? "night" : "day"'
ALL_ALIKE = 'event.TX_AMOUNT < 0.0 ? "none" : "all"'

pytestmark = pytest.mark.quality


def looked_at(texts: dict[str, str], history: History) -> NDArray[np.float64]:
    """What was known of every event, and what it was compared with."""
    replay = Replay(compile_release(1, texts), history, None)
    return np.concatenate([np.zeros((0, LOOKED)), *(verdicts.thresholds["odd.usual"] for verdicts, _ in replay.scored())])


def check_rates(looked: NDArray[np.float64], title: str) -> None:
    """Within 20 % of the target where at least 200 alerts are to be expected, elsewhere inside the 99 % interval of Poisson."""
    known = looked[~np.isnan(looked[:, THRESHOLD])]
    hits, cells = known[:, VALUE] > known[:, THRESHOLD], known[:, CELL].astype(np.int64)
    cohorts = keys_of(np.ascontiguousarray(known[:, COHORT]))
    numbers = np.unique(cohorts, return_inverse=True)[1]
    print(f"\n{title}: {len(known):,} of {len(looked):,} events with a threshold, {hits.mean() / RATE:.3f} times the target")
    first = int(np.argmax(~np.isnan(looked[:, THRESHOLD])))
    soon = hits[: round(SETTLING / RATE)]
    print(f"  the first threshold after {first:,} events; of the next {len(soon):,} events {int(soon.sum())} above it, {SETTLING} expected")
    print("  cohort  history    expected    got   times   must be in")
    wrong = []
    for cohort in range(int(numbers.max()) + 1):
        for band in (None, *range(BANDS)):
            inside = (numbers == cohort) & ((cells // LEVELS == band) if band is not None else True)
            expected, got = float(inside.sum() * RATE), int(hits[inside].sum())
            low, high = (0.8 * expected, 1.2 * expected) if expected >= 200 else poisson.interval(0.99, expected)
            if expected:
                name = "all" if band is None else f"{0 if not band else 2 ** (band - 1)}+"
                print(f"  {cohort:6d}  {name:7s} {expected:11.1f} {got:6d} {got / expected:7.2f}   {low:.0f} to {high:.0f}")
                wrong += [] if low <= got <= high else [(cohort, name, expected, got)]
    assert len(known) > 0.9 * len(looked)
    assert 0.9 < hits.mean() / RATE < 1.1
    assert abs(int(soon.sum()) - SETTLING) < 4 * SETTLING**0.5
    assert not wrong


@pytest.mark.parametrize("drifts", [False, True])
@pytest.mark.parametrize("tail", ["t4", "lognormal"])
def test_heavy_tails_and_drift_keep_the_rate_in_every_cohort_and_band(tail: str, drifts: bool) -> None:
    texts = {
        "schema": "{id: {field: id, type: integer}, time: {field: at, unit: ms}, user: who, "
        "fields: {amount: {type: float, retain: true}, kind: {type: string}}}",
        "features": "- {name: count_1h, template: count, window: 1h}\n",
        "models": MODELS % ("user", "amount"),
        "policy": POLICY,
        "pattern:odd": RULE % ("event.amount", "who", "event.kind", "event.amount"),
    }
    random = np.random.default_rng(1)
    users = EVENTS // 50
    activity = random.pareto(1.5, users) + 0.2
    who = random.choice(users, EVENTS, p=activity / activity.sum())
    level, noise = np.exp(random.normal(3.0, 1.0, users)), np.exp(random.normal(-1.0, 0.5, users))
    drawn = random.standard_t(4, EVENTS) if tail == "t4" else (np.exp(random.normal(size=EVENTS)) - 1.65) / 2.16
    times = (np.arange(EVENTS) * (90 * DAY_MS / EVENTS)).astype(np.int64)
    values = level[who] * (1.0 + noise[who] * drawn) * (1.0 + times / times[-1] if drifts else 1.0)
    schema = compile_release(1, texts).schema
    decoder = Decoder(schema)
    rows = zip(range(EVENTS), (START_MS + times).tolist(), who.tolist(), values.tolist(), strict=True)
    events = [
        decoder.decode(msgspec.json.encode({"id": id, "at": at, "who": f"u{user}", "kind": f"k{user % 3}", "amount": value}), 1 << 50)
        for id, at, user, value in rows
    ]
    check_rates(looked_at(texts, History(Batch.of(events, schema))), f"{tail}{', doubling' if drifts else ''}")


@pytest.mark.skipif(not DATA.exists(), reason=f"needs {DATA.name} in the folder of WEIR_DATA")
@pytest.mark.parametrize(("key", "cohort"), [("CUSTOMER_ID", BY_NIGHT), ("TERMINAL_ID", ALL_ALIKE)])
def test_card_payments_keep_the_rate_in_every_cohort_and_band(key: str, cohort: str, tmp_path: pathlib.Path) -> None:
    texts = {
        "schema": (ROOT / "deploy/samples/cards/schema.yaml").read_text(),
        "features": "- {name: night, template: calendar, part: hour, between: [0, 6], zone: UTC}\n"
        "- {name: amount_7d, template: sum, value: event.TX_AMOUNT, window: 7d}\n",
        "models": MODELS % ("user", "TX_AMOUNT"),
        "policy": POLICY,
        "pattern:odd": RULE % ("event.TX_AMOUNT", key, cohort, "event.TX_AMOUNT"),
    }
    payments = pyarrow.parquet.read_table(DATA).sort_by([("TX_DATETIME", "ascending")]).slice(0, EVENTS)
    pyarrow.parquet.write_table(payments, tmp_path / "events.parquet")
    release = compile_release(1, texts)
    history = read_history([tmp_path / "events.parquet"], release.schema, "time", "TX_FRAUD", 7 * DAY_MS)
    check_rates(looked_at(texts, history), f"card payments by {key}")
