"""Half-Space Trees with masses of each entity's own, through the engine: of users, and of shops, whose stage answers with their shares."""

import random

import msgspec
import numpy as np
import pytest
from imitation import Imitation

from detectors.half_space.half_space_trees_of_keys import HalfSpaceTreesOfKeys
from foundation.refusal import Refusal
from pipeline.engine.definitions.release import compile_release
from pipeline.trial.detector_state import state_lines

TREES = "model: anomaly.HalfSpaceTrees, inputs: [event.amount, event.tip], parameters: {window_size: 5, n_trees: 20}"
TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}, tip: {type: decimal, scale: 2, retain: true}}
""",
    "features": "- {name: shop_count_1h, template: count, entity: shop, window: 1h}",
    "models": f"- {{name: own, scope: user, {TREES}}}\n- {{name: of_shop, scope: shop, {TREES}}}\n",
    "policy": "{score: first_ready(of_shop), bands: [{below: 0.5, action: approve}, {action: block}]}",
}
OF_USER = {**TEXTS, "policy": TEXTS["policy"].replace("of_shop", "own")}
NONE = {**TEXTS, "models": TEXTS["models"].replace("event.tip", "event.amount").replace("event.amount, event.amount", "event.amount")}


def events(first: int, count: int) -> list[bytes]:
    draw = random.Random(first)
    ids = range(first, first + count)
    rows = [(draw.randrange(100, 900) / 100, draw.randrange(100) / 100 + 40.0 * (id % 17 == 16)) for id in ids]
    keys = [{"id": id, "at": 1_700_000_000_000 + 9_000 * id, "who": f"u{id % 3}", "shop": f"s{id % 2}"} for id in ids]
    return [msgspec.json.encode(key | {"amount": amount, "tip": tip}) for key, (amount, tip) in zip(keys, rows, strict=True)]


def sent(job: Imitation, values: list[bytes]) -> list[dict]:
    job.out.clear()
    for first in range(0, len(values), 7):
        job.events(values[first : first + 7])
    return job.decisions()


def job_with(texts: dict[str, str]) -> Imitation:
    job = Imitation()
    job.release(1, texts)
    return job


@pytest.mark.parametrize(("texts", "model", "key"), [(OF_USER, "own", "who"), (TEXTS, "of_shop", "shop")])
def test_an_entity_is_scored_by_its_rows_alone_and_the_shares_of_inputs_add_up(texts: dict[str, str], model: str, key: str) -> None:
    given = events(0, 60)
    decisions = sent(job_with(texts), given)
    rows = [msgspec.json.decode(value) for value in given]
    for entity in {row[key] for row in rows}:
        mine = [at for at, row in enumerate(rows) if row[key] == entity]
        x, out = np.array([[rows[at]["amount"], rows[at]["tip"]] for at in mine]), np.empty(len(mine))
        detector = HalfSpaceTreesOfKeys(2, n_trees=20, window_size=5)
        detector.score_learn_many(np.zeros((1, detector.width)), np.zeros(len(mine), np.int64), x, out)
        assert [decisions[at]["models"][model]["score"] for at in mine] == out.tolist()
    for decision in decisions:
        told = decision["contributions"]
        assert told["base"] + sum(told["inputs"].values()) == pytest.approx(decision["score"], abs=1e-12)
    [tip] = [decision for decision in decisions if decision["event_id"] in (50, "50")]
    assert tip["action"] == "block"
    assert tip["reasons"][0].startswith("tip: ")


def test_masses_outlive_the_process_and_a_new_model_learns_them_from_history() -> None:
    wanted = sent(job_with(TEXTS), events(0, 40) + events(40, 20))[40:]
    first = job_with(TEXTS)
    sent(first, events(0, 40))
    first.checkpoint()
    restarted = Imitation(first.entity_state, first.user_state)
    restarted.release(1, TEXTS)
    assert sent(restarted, events(40, 20)) == wanted
    changed = job_with(NONE)
    sent(changed, events(0, 40))
    changed.release(2, TEXTS)
    again = sent(changed, events(40, 20))
    assert [decision["models"]["own"] for decision in again] == [decision["models"]["own"] for decision in wanted]
    assert [decision["score"] for decision in again] == [decision["score"] for decision in wanted]


def test_bytes_of_each_entity_are_said_and_detectors_of_one_number_take_no_more() -> None:
    assert list(state_lines(compile_release(1, TEXTS))) == [
        "detectors keep 2,536 bytes of each who (own 2,536)",
        "detectors keep 2,536 bytes of each shop (of_shop 2,536)",
    ]
    with pytest.raises(Refusal, match="wrong number of inputs"):
        compile_release(1, {**TEXTS, "models": TEXTS["models"].replace(TREES, "model: anomaly.SPOT, inputs: [event.amount, event.tip]")})
