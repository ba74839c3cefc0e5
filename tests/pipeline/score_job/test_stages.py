import base64
import math
import random
import re

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from imitation import Imitation

from pipeline.engine.definitions.release import compile_release
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import read_history

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}}
lateness: 10m
""",
    "features": """
- {name: count_1h, template: count, window: 1h}
- {name: mean_1d, template: mean, value: event.amount, window: 1d}
- {name: shop_count_1h, template: count, entity: shop, window: 1h}
- {name: shop_risk, template: label_rate, entity: shop, window: {length: 1d, delay: 1h}}
- {name: night, template: calendar, part: hour, between: [0, 6], zone: UTC}
""",
    "models": """
- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, scope: global, inputs: [event.amount, feature.count_1h], publish_every: 1h,
   parameters: {window_size: 50, scaling: standard, seed: 7}}
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}
""",
    "policy": """
score: first_ready(shape, own)
bands: [{below: 0.5, action: approve}, {below: 0.9, action: review}, {action: block}]
fallback: {action: review}
""",
}
START_MS = 1_700_000_000_000


def payments(count: int, seed: int = 1) -> list[dict[str, object]]:
    draw = random.Random(seed)
    at, events = START_MS, []
    for id in range(count):
        at += draw.randrange(0, 60_000)
        shop = f"s{draw.randrange(6)}" if draw.random() < 0.9 else None
        event = {"id": id, "at": at, "who": f"u{draw.randrange(12)}", "shop": shop, "amount": draw.randrange(1, 9_999) / 100}
        events.append(event)
    return events


def encoded(events: list[dict[str, object]]) -> list[bytes]:
    return [msgspec.json.encode(event) for event in events]


@pytest.fixture
def job() -> Imitation:
    job = Imitation()
    job.release(1, TEXTS)
    return job


def same(a: object, b: object) -> bool:
    """Bit-equal numbers; missing is missing."""
    if isinstance(a, float) or isinstance(b, float):
        one, other = (math.nan if x is None else float(x) for x in (a, b))  # type: ignore[arg-type]
        return (one != one and other != other) or one == other
    return a == b


@pytest.mark.slow
def test_the_stages_decide_as_replay_does_whatever_the_bundles(tmp_path) -> None:
    events = payments(600)
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(encoded(events)))
    release = compile_release(1, TEXTS)
    history = read_history([tmp_path / "events.jsonl"], release.schema)
    learned = Replay(release, history, None)
    learned.run(None)
    snapshots = tuple(learned.published.values())
    assert [snapshot.model for snapshot in snapshots] == ["shape"]
    Replay(release, history, None, frozen=snapshots).run(tmp_path)
    replayed = pa.parquet.read_table(tmp_path / "decisions.parquet").to_pylist()
    for size in (1, 37, 600):
        job = Imitation()
        job.release(1, TEXTS)
        job.control([("m", snapshot.model, snapshot.encode()) for snapshot in snapshots])
        values = encoded(events)
        for first in range(0, len(values), size):
            job.events(values[first : first + size])
        streamed = job.decisions()
        assert [row["event_id"] for row in streamed] == [row["event_id"] for row in replayed]
        for one, other in zip(streamed, replayed, strict=True):
            assert same(one["score"], other["score"])
            assert one["action"] == other["action"]
            assert all(same(one["features"][name], value) for name, value in other["features"].items())
            assert same(one["models"]["shape"]["score"], other["model.shape"])
            assert same(one["models"]["own"]["score"], other["model.own"])


def test_state_carries_on_in_another_process(job: Imitation) -> None:
    values = encoded(payments(300))
    whole = Imitation()
    whole.release(1, TEXTS)
    whole.events(values)
    job.events(values[:150])
    job.checkpoint()
    after = Imitation(job.entity_state, job.user_state)
    after.release(1, TEXTS)
    after.events(values[150:])
    assert job.decisions() + after.decisions() == whole.decisions()


def test_contributions_add_up_to_the_score_on_the_stated_scale(job: Imitation) -> None:
    learned = Replay(compile_release(1, TEXTS), _history_of(payments(400)), None)
    learned.run(None)
    job.control([("m", snapshot.model, snapshot.encode()) for snapshot in learned.published.values()])
    job.events(encoded(payments(50, seed=2)))
    for decision in job.decisions():
        parts = decision["contributions"]
        assert parts["model"] == "shape"
        total = parts["base"] + sum(parts["inputs"].values())
        assert math.isclose(total, decision["models"]["shape"]["score"], rel_tol=1e-9, abs_tol=1e-12)


def test_without_a_snapshot_the_next_ready_model_scores(job: Imitation) -> None:
    job.events(encoded(payments(3)))
    assert {decision["contributions"]["model"] for decision in job.decisions()} == {"own"}


def test_bad_bytes_are_dead_letters_with_their_reason_and_the_rest_goes_on(job: Imitation) -> None:
    good = encoded(payments(2))
    bad = [b"\xff\x00", b"{}", b"[]", b'{"id": 1}', b'{"id":1,"at":1,"who":"u","amount":1e400}', b"null", b"x" * 2_000_000]
    job.events([good[0], *bad, good[1]], reply="api-1")
    assert len(job.decisions()) == 2
    letters = [msgspec.json.decode(value) for _, value in job.out["X"]]
    assert [base64.b64decode(letter["value"]) for letter in letters] == bad
    assert all(letter["reason"]["what"] and letter["reason"]["expected"] for letter in letters)
    assert len(job.out["R"]) == 2 + len(bad)


def test_a_repeated_event_is_answered_with_the_first_decision_and_counted_once(job: Imitation) -> None:
    event = payments(1)
    job.events(encoded(event), reply="api-1")
    job.events(encoded(event), reply="api-1")
    first, second = (msgspec.json.decode(value) for _, value in job.out["R"])
    assert len(job.decisions()) == 1
    assert second["flags"] == ["duplicate"]
    assert {name: first[name] for name in ("event_id", "score", "action", "release")} == {
        name: second[name] for name in ("event_id", "score", "action", "release")
    }
    later = {**event[0], "id": 99, "at": event[0]["at"] + 1}
    job.events(encoded([later]))
    assert job.decisions()[1]["features"]["count_1h"] == 2.0
    assert job.decisions()[1]["features"]["shop_count_1h"] in (2.0, None)


def test_a_duplicate_has_the_reasons_of_the_first_decision_without_their_values(job: Imitation) -> None:
    values = encoded(payments(200))
    job.events(values, reply="api-1")
    job.events(values, reply="api-1")
    replies = [msgspec.json.decode(value) for _, value in job.out["R"]]
    firsts, seconds = replies[:200], replies[200:]
    assert sum(bool(first["reasons"]) for first in firsts) > 5
    for first, second in zip(firsts, seconds, strict=True):
        assert second["flags"] == ["duplicate"]
        assert second["reasons"] == [re.sub("^([^:]+): .*", r"unusual: \1", reason) for reason in first["reasons"]]


def test_a_duplicate_names_the_release_that_decided_first(job: Imitation) -> None:
    event = payments(1)
    job.events(encoded(event), reply="api-1")
    job.release(2, {**TEXTS, "policy": TEXTS["policy"].replace("action: review", "action: block")})
    job.events(encoded(event), reply="api-1")
    first, second = (msgspec.json.decode(value) for _, value in job.out["R"])
    assert (second["release"], second["action"], second["score"]) == (1, first["action"], first["score"])


def test_an_id_used_for_another_body_is_a_dead_letter(job: Imitation) -> None:
    event = payments(1)[0]
    job.events(encoded([event, {**event, "amount": 12.34}]))
    assert len(job.decisions()) == 1
    assert msgspec.json.decode(job.out["X"][0][1])["reason"]["what"] == "id_reused"


def test_an_event_too_late_goes_to_its_own_topic_with_its_bytes(job: Imitation) -> None:
    now, old = payments(1)[0], {**payments(1)[0], "id": 5, "at": START_MS - 3_600_000}
    job.events(encoded([now, old]), reply="api-1")
    record = msgspec.json.decode(job.out["T"][0][1])
    assert msgspec.json.decode(base64.b64decode(record["value"])) == old
    assert msgspec.json.decode(job.out["R"][1][1])["action"] == "review"


def test_an_event_without_its_answers_is_decided_and_flagged(job: Imitation) -> None:
    event = {**payments(1)[0], "shop": "s1"}
    job.events(encoded([event]), lose_answers=True)
    decision = job.decisions()[0]
    assert "degraded" in decision["flags"]
    assert decision["features"]["shop_count_1h"] is None
    assert decision["features"]["count_1h"] == 1.0


def test_a_label_is_seen_from_its_own_time_on(job: Imitation) -> None:
    first = {"id": 1, "at": START_MS, "who": "u1", "shop": "s1", "amount": 5}
    label = {"event_id": "1", "id_key": 1, "event_time": START_MS, "label": 1, "label_time": START_MS + 7_200_000, "user": "u1"}
    job.events(encoded([first]))
    job.labels([("shop", "s1", label), ("who", "u1", label)], user_kind="who")
    before = {**first, "id": 2, "at": START_MS + 7_199_999}
    after = {**first, "id": 3, "at": START_MS + 7_200_000}
    job.events(encoded([before, after]))
    assert [decision["features"]["shop_risk"] for decision in job.decisions()] == [None, 0.0, 1.0]


def test_a_new_feature_is_warm_from_the_retained_history(job: Imitation) -> None:
    job.events(encoded(payments(200)))
    texts = {**TEXTS, "features": TEXTS["features"] + "- {name: sum_1d, template: sum, value: event.amount, window: 1d}\n"}
    job.release(2, texts)
    later = [{**event, "id": event["id"] + 1_000, "at": event["at"] + 12_000_000} for event in payments(20, seed=3)]
    job.events(encoded(later))
    always = Imitation()
    always.release(2, texts)
    always.events(encoded(payments(200)))
    always.events(encoded(later))
    changed, oracle = job.decisions()[200:], always.decisions()[200:]
    assert [decision["release"] for decision in changed] == [2] * 20
    for one, other in zip(changed, oracle, strict=True):
        assert all(math.isclose(one["features"][name] or 0, value or 0, rel_tol=1e-12) for name, value in other["features"].items())


def test_a_release_that_does_not_compile_leaves_the_one_before_in_force(job: Imitation) -> None:
    job.release(2, {**TEXTS, "policy": "score: nonsense"})
    job.events(encoded(payments(1)))
    assert job.decisions()[0]["release"] == 1


def _history_of(events: list[dict[str, object]]):
    from features.schema.batch import Batch
    from features.schema.decode import Decoder
    from pipeline.tables.event_files import History

    schema = compile_release(1, TEXTS).schema
    decoder = Decoder(schema)
    return History(Batch.of([decoder.decode(value, 1 << 50) for value in encoded(events)], schema))


def test_missing_numbers_are_null_in_a_decision(job: Imitation) -> None:
    job.events(encoded(payments(1)))
    raw = job.out["D"][0][1]
    assert b"NaN" not in raw
    assert np.isfinite(msgspec.json.decode(raw)["event"]["amount"])
