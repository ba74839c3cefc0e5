"""Learned thresholds of users, shops and pairs through Kafka and Flink: what decisions say of them is what replay says."""

import pathlib
import random

import msgspec
import numpy as np
import pytest
from parity import NOTHING, Parity
from score_job_runs import Json, cancel, decisions, produce, produce_events, submitted

from pipeline.engine.decisions.decision import decisions_of
from pipeline.replay.replay import Replay

pytestmark = pytest.mark.flink
EVENTS = 4_000
START_MS = 1_700_000_000_000
RULE = "title: More than usual\nowner: tests\nstatus: active\nadaptive: {{usual: {adaptive}}}\n{steps}\nthen: {{action: review}}\n"
ABOVE = "when: event.amount > adaptive.usual"
STEPS = """
sequence:
  key: shop
  within: 8h
  steps:
    - {name: one, when: event.amount > adaptive.usual}
    - {name: two, when: event.amount < adaptive.usual && feature.shop_count > 1.0}
"""


def events(count: int, seed: int) -> list[Json]:
    """Amounts around a level of each shop's own, of users who go to any of them; some events have no shop."""
    draw = random.Random(seed)
    made = []
    for id in range(count):
        shop = draw.randrange(40)
        amount = round(50.0 + 10 * shop + 5 * draw.gauss(0.0, 1.0), 2)
        of = {"who": f"u{draw.randrange(30)}", "shop": f"s{shop}" if shop else None}
        made.append({"id": id, "at": START_MS + id * 20_000, **of, "amount": amount, "kind": "ab"[shop % 2]})
    return made


def parity() -> Parity:
    thresholds = {
        "of_user": ("{of: event.amount, rate: 1/20, cohort: event.kind}", ABOVE),
        "of_shop": ("{of: event.amount, key: shop, rate: 1/20, cohort: event.kind}", ABOVE),
        "of_pair": ("{of: event.amount, key: [who, shop], rate: 1/20}", ABOVE),
        "steps": ("{of: event.amount, key: shop, rate: 1/10}", STEPS),
    }
    texts = {
        "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}, kind: {type: string, required: false}}
""",
        "features": "- {name: count_1d, template: count, window: 1d}\n- {name: shop_count, template: count, entity: shop, window: 1h}\n",
        "models": "- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount]}",
        "policy": "{score: first_ready(own), bands: [{below: 0.999, action: approve}, {action: block}], fallback: {action: review}}",
    }
    rules = {f"pattern:{id}": RULE.format(adaptive=adaptive, steps=steps) for id, (adaptive, steps) in thresholds.items()}
    return Parity(texts | rules, events(12_000, 1))


def test_thresholds_and_matches_of_the_score_job_are_those_of_replay(broker: str, flink, tmp_path: pathlib.Path) -> None:
    both, sent = parity(), events(EVENTS, 2)
    snapshots = both._learned()
    expected = {}
    for verdicts, batch in Replay(both.release, both.history_of(sent), None, frozen=snapshots).scored():
        n = len(batch)
        for each in decisions_of(verdicts, batch, np.zeros(n, np.uint8), np.zeros(n, np.int64), 0.0):
            expected[each.event_id] = msgspec.json.decode(msgspec.json.encode((each.thresholds, each.matches, each.action)))
    named = [match["pattern"] for _, matches, _ in expected.values() for match in matches]
    assert min(named.count(rule) for rule in ("of_user", "of_shop", "of_pair", "steps")) > 50
    settings = both.fed(broker, flink, tmp_path, "thresholds.", 1, [], NOTHING)
    produce(settings, "models", both.learned())
    produce_events(settings, sent)
    job = submitted(flink, settings)
    read = decisions(settings, EVENTS)
    cancel(flink, job)
    assert {str(each["event_id"]): [each.get("thresholds", {}), each["matches"], each["action"]] for each in read} == expected
