"""Detectors with a state for each entity that is no user: they run at its profile, and their scores come with its answers."""

import json
import pathlib
import random

import msgspec
import numpy as np
import pyarrow.parquet
import pytest
from imitation import Imitation

from detectors.keyed.gaussian import GaussianScorer
from foundation.refusal import Refusal
from pipeline.engine.definitions.own_detectors import detectors_that_warm
from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop, device]
fields: {amount: {type: decimal, scale: 2, retain: true}, speed: {type: float, required: false}}
lateness: 10m
""",
    "features": """
- {name: count_1h, template: count, window: 1h}
- {name: shop_count_1h, template: count, entity: shop, window: 1h}
- {name: device_sum_1h, template: sum, value: event.amount, entity: device, window: 1h}
""",
    "models": """
- {name: own, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}
- {name: shop_amount, model: anomaly.GaussianScorer, scope: shop, inputs: [event.amount], parameters: {grace_period: 3}}
- {name: shop_pace, model: stats.DecayedQuantile, scope: shop, inputs: [feature.shop_count_1h]}
- {name: device_sum, model: anomaly.GaussianScorer, scope: device, inputs: [feature.device_sum_1h], parameters: {grace_period: 2}}
""",
    "policy": "{score: 'first_ready(shop_amount, own)', bands: [{below: 0.9, action: approve}, {action: block}]}",
}
START_MS = 1_700_000_000_000


def event(id: int, draw: random.Random, **more: object) -> dict[str, object]:
    amount = draw.randrange(100, 900) / 100
    return {
        "id": id,
        "at": START_MS + 9_000 * id,
        "who": f"u{id % 5}",
        "shop": f"s{id % 3}",
        "device": f"d{id % 2}",
        "amount": amount,
    } | more


def events(count: int, first: int = 0) -> list[dict[str, object]]:
    draw = random.Random(first)
    return [event(id, draw) for id in range(first, first + count)]


def sent(job: Imitation, values: list[dict[str, object]], at_once: int = 7) -> list[dict[str, object]]:
    job.out.clear()
    raw = [msgspec.json.encode(value) for value in values]
    for first in range(0, len(raw), at_once):
        job.events(raw[first : first + at_once])
    return job.decisions()


def job_with(texts: dict[str, str] = TEXTS) -> Imitation:
    job = Imitation()
    job.release(1, texts)
    return job


def scores(decisions: list[dict[str, object]], model: str) -> list[float | None]:
    return [decision["models"][model]["score"] for decision in decisions]  # type: ignore[index]  # JSON


def test_the_score_of_a_shop_is_that_of_a_detector_that_sees_its_events_alone() -> None:
    given = events(60)
    decisions = sent(job_with(), given)
    for shop in ("s0", "s1", "s2"):
        mine = [at for at, each in enumerate(given) if each["shop"] == shop]
        amounts, alone = np.array([given[at]["amount"] for at in mine], np.float64), np.empty(len(mine))
        GaussianScorer(grace_period=3).score_learn_many(np.zeros((1, 3)), np.zeros(len(mine), np.int64), amounts, alone)
        assert [scores(decisions, "shop_amount")[at] for at in mine] == alone.tolist()
    assert [decision["score"] for decision in decisions] == scores(decisions, "shop_amount")
    assert max(score or 0.0 for score in scores(decisions, "device_sum")) > 0.0


def test_replay_and_the_stages_say_the_same(tmp_path: pathlib.Path) -> None:
    given = events(80)
    (tmp_path / "events.jsonl").write_text("\n".join(map(json.dumps, given)))
    release = compile_release(1, TEXTS)
    Replay(release, read_history([tmp_path / "events.jsonl"], release.schema), None).run(tmp_path)
    rows = pyarrow.parquet.read_table(tmp_path / "decisions.parquet").to_pylist()
    decisions = sent(job_with(), given)
    for model in ("own", "shop_amount", "shop_pace", "device_sum"):
        assert [row[f"model.{model}"] for row in rows] == scores(decisions, model)
    assert [row["score"] for row in rows] == [decision["score"] for decision in decisions]


def test_an_event_without_the_entity_or_its_answer_has_no_score_of_it() -> None:
    job = job_with()
    sent(job, events(20))
    [without] = sent(job, [event(30, random.Random(1), shop=None)])
    assert (scores([without], "shop_amount"), scores([without], "shop_pace")) == ([None], [None])
    assert scores([without], "device_sum") != [None]
    assert without["score"] == without["models"]["own"]["score"]  # type: ignore[index]  # JSON
    job.out.clear()
    job.events([msgspec.json.encode(event(31, random.Random(1)))], lose_answers=True)
    assert (scores(job.decisions(), "shop_amount"), job.decisions()[0]["flags"]) == ([None], ["degraded"])


def test_a_repeated_or_corrected_event_is_learned_once_and_has_no_score_of_its_own() -> None:
    given, draw = events(30), random.Random(2)
    again, plain = job_with(), job_with()
    sent(again, given)
    sent(plain, given)
    assert sent(again, given[5:9]) == []
    [corrected] = sent(again, [given[6] | {"op": "correct", "amount": 77.0}])
    assert scores([corrected], "shop_amount") == [None]
    later = [event(id, draw) for id in range(40, 60)]
    assert scores(sent(again, later), "shop_amount") == scores(sent(plain, later), "shop_amount")


def test_what_a_detector_knows_of_a_shop_outlives_the_process() -> None:
    whole, first = job_with(), job_with()
    wanted = sent(whole, events(40))[30:]
    sent(first, events(40)[:30])
    first.checkpoint()
    restarted = Imitation(first.entity_state, first.user_state)
    restarted.release(1, TEXTS)
    assert sent(restarted, events(40)[30:]) == wanted


def test_a_detector_that_is_new_learns_what_the_shop_retains_and_others_are_named_as_warming() -> None:
    few = TEXTS | {"models": TEXTS["models"].strip().split("\n")[0], "policy": TEXTS["policy"].replace("shop_amount, ", "")}
    before, after = compile_release(1, few), compile_release(2, TEXTS)
    assert detectors_that_warm(before.models, after.models, before.features, after.features) == ("shop_pace", "device_sum")
    job = job_with(few)
    sent(job, events(30))
    job.release(2, TEXTS)
    later = events(12, first=30)
    always = job_with()
    sent(always, events(30))
    assert scores(sent(job, later), "shop_amount") == scores(sent(always, later), "shop_amount")


@pytest.mark.parametrize(
    ("scope", "given", "what"),
    [
        ("shop", "event.speed", "not known where the detector runs"),  # no row holds it
        ("shop", "feature.count_1h", "not known where the detector runs"),
        ("shop", "feature.device_sum_1h", "not known where the detector runs"),
        ("city", "event.amount", "unknown"),
    ],
)
def test_a_detector_of_an_entity_reads_what_its_stage_knows(scope: str, given: str, what: str) -> None:
    models = f"- {{name: odd, model: anomaly.GaussianScorer, scope: {scope}, inputs: [{given}]}}"
    with pytest.raises(Refusal) as caught:
        compile_release(1, TEXTS | {"models": models, "policy": "{score: first_ready(odd), bands: [{action: approve}]}"})
    assert what in caught.value.what
    assert "models.yaml:1:" in caught.value.where
