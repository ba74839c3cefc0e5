"""What corrections and retractions do to decisions, by the stages as they run in a job."""

import base64
import random

import msgspec
import pytest
from imitation import Imitation

from features.windows.row_label import CORRECTIONS_MAX
from pipeline.engine.decisions.reasons import REVISION_MAX

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}, kind: {type: string, retain: true, required: false}}
lateness: 10m
""",
    "features": """
- {name: count_1h, template: count, window: 1h}
- {name: sum_1d, template: sum, value: event.amount, window: 1d}
- {name: max_1d, template: max, value: event.amount, window: 1d}
- {name: shop_sum_1d, template: sum, entity: shop, value: event.amount, window: 1d}
- {name: shop_count_1h, template: count, entity: shop, window: 1h}
""",
    "models": """
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 3}}
""",
    "policy": "{score: first_ready(own), bands: [{below: 0.9, action: approve}, {action: block}], fallback: {action: review}}",
}
START_MS = 1_700_000_000_000
FIRST = {"id": 1, "at": START_MS, "who": "u", "shop": "s", "amount": 5, "kind": "books"}
Event = dict[str, object]


@pytest.fixture
def job() -> Imitation:
    job = Imitation()
    job.release(1, TEXTS)
    return job


def send(job: Imitation, *events: Event, reply: str = "") -> None:
    job.events([msgspec.json.encode(event) for event in events], reply=reply)


def replies(job: Imitation) -> list[dict[str, object]]:
    return [msgspec.json.decode(value) for _, value in job.out.get("R", [])]


def later(id: int, **changes: object) -> Event:
    return FIRST | {"id": id, "at": START_MS + 1_000 * id} | changes


def test_a_correction_is_decided_with_its_own_features_under_the_next_revision(job: Imitation) -> None:
    send(job, FIRST)
    send(job, FIRST | {"op": "correct", "amount": 7})
    send(job, FIRST | {"op": "correct", "amount": 8}, reply="api-1")
    decisions = job.decisions()
    assert [decision["revision"] for decision in decisions] == [0, 1, 2]
    assert [decision["features"]["sum_1d"] for decision in decisions] == [5, 7, 8]
    assert [decision["features"]["shop_sum_1d"] for decision in decisions] == [5, 7, 8]
    assert ["corrected" in decision["flags"] for decision in decisions] == [False, True, True]
    assert [(reply["revision"], "corrected" in reply["flags"]) for reply in replies(job)] == [(2, True)]


def test_features_after_a_correction_are_those_of_a_stream_that_was_right_from_the_start(job: Imitation) -> None:
    draw = random.Random(3)
    events = [later(id, who=f"u{id % 3}", shop=f"s{id % 2}", amount=draw.randrange(1, 90)) for id in range(1, 60)]
    right = {event["id"]: event | {"amount": draw.randrange(90, 200)} for event in draw.sample(events, 20)}
    gone = {event["id"] for event in draw.sample(events, 10)} - right.keys()
    send(job, *events)
    send(job, *[event | {"op": "correct"} for event in right.values()])
    send(job, *[event | {"op": "retract"} for event in events if event["id"] in gone])
    after = [later(id, who=f"u{id % 3}", shop=f"s{id % 2}") for id in range(100, 120)]
    send(job, *after)
    truth = Imitation()
    truth.release(1, TEXTS)
    send(truth, *[right.get(event["id"], event) for event in events if event["id"] not in gone])
    send(truth, *after)
    assert len(gone) > 3
    assert [d["features"] for d in job.decisions()[-20:]] == [d["features"] for d in truth.decisions()[-20:]]


def test_a_retraction_is_a_decision_without_a_score_and_leaves_no_trace(job: Imitation) -> None:
    send(job, *[later(id) for id in range(2, 8)], later(8, amount=900))
    send(job, later(8, amount=900, op="retract"), reply="api-1")
    decision = job.decisions()[-1]
    assert (decision["event_id"], decision["revision"], decision["score"], decision["action"]) == ("8", 1, None, "approve")
    assert (decision["reasons"], decision["flags"], decision["contributions"]) == (["retracted"], ["retracted"], {})
    assert set(decision["features"].values()) == {None}
    assert replies(job)[0]["reasons"] == ["retracted"]
    send(job, later(9))
    assert job.decisions()[-1]["features"] == {"count_1h": 7, "sum_1d": 35, "max_1d": 5, "shop_sum_1d": 35, "shop_count_1h": 7}


def test_an_event_that_comes_again_after_its_retraction_is_a_duplicate_and_counts_nowhere(job: Imitation) -> None:
    send(job, later(2), later(3, amount=900))
    send(job, later(3, amount=900, op="retract"))
    send(job, later(3, amount=900), reply="api-1")
    assert len(job.decisions()) == 3
    [answer] = replies(job)
    assert (answer["revision"], answer["score"], answer["action"]) == (1, None, "approve")
    assert (answer["reasons"], answer["flags"]) == (["retracted"], ["duplicate", "retracted"])
    send(job, later(4))
    assert job.decisions()[-1]["features"] == {"count_1h": 2, "sum_1d": 10, "max_1d": 5, "shop_sum_1d": 10, "shop_count_1h": 2}


def test_a_retraction_that_comes_again_is_answered_as_the_first_one_was(job: Imitation) -> None:
    send(job, FIRST, FIRST | {"op": "retract"})
    send(job, FIRST | {"op": "retract"}, reply="api-1")
    assert (len(job.decisions()), job.out.get("X", [])) == (2, [])
    assert [(reply["revision"], reply["flags"]) for reply in replies(job)] == [(1, ["duplicate", "retracted"])]


def test_another_body_under_the_id_of_a_retracted_event_is_a_dead_letter(job: Imitation) -> None:
    send(job, FIRST, FIRST | {"op": "correct", "amount": 7}, FIRST | {"op": "retract"})
    send(job, FIRST, FIRST | {"amount": 6})
    assert len(job.decisions()) == 3
    assert [msgspec.json.decode(letter)["reason"]["what"] for _, letter in job.out["X"]] == ["id_reused"]
    send(job, later(2))
    assert job.decisions()[-1]["features"]["shop_sum_1d"] == 5


def test_a_retraction_is_remembered_over_a_restart(job: Imitation) -> None:
    send(job, later(2), later(3), later(4))
    send(job, *[later(id, op="retract") for id in (3, 2)])
    job.checkpoint()
    after = Imitation(job.entity_state, job.user_state)
    after.release(1, TEXTS)
    send(after, later(2), later(3), reply="api-1")
    assert [(reply["revision"], reply["flags"]) for reply in replies(after)] == [(1, ["duplicate", "retracted"])] * 2
    send(after, later(5))
    assert [decision["features"]["shop_sum_1d"] for decision in after.decisions()] == [10]


def test_a_detector_of_the_user_neither_scores_nor_learns_a_correction(job: Imitation) -> None:
    plain = Imitation()
    plain.release(1, TEXTS)
    for each in (job, plain):
        send(each, *[later(id, amount=10 + id % 3) for id in range(1, 10)])
    send(job, later(5, amount=900, op="correct"), later(6, amount=12, op="retract"))
    assert [decision["models"]["own"]["score"] for decision in job.decisions()[9:]] == [None, None]
    for each in (job, plain):
        send(each, later(20, amount=14))
    assert job.decisions()[-1]["models"] == plain.decisions()[-1]["models"]


UNKNOWN = {
    "an event that never came": {"id": 77},
    "another time": {"at": START_MS + 1},
    "another user": {"who": "somebody"},
}


@pytest.mark.parametrize("op", ["correct", "retract"])
@pytest.mark.parametrize("change", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_a_correction_of_what_is_not_there_is_a_dead_letter(job: Imitation, op: str, change: Event) -> None:
    send(job, FIRST)
    wrong = FIRST | change | {"op": op, "amount": 9}
    send(job, wrong, reply="api-1")
    assert len(job.decisions()) == 1
    [(_, letter)] = job.out["X"]
    read = msgspec.json.decode(letter)
    assert (read["reason"]["what"], read["reason"]["where"]) == ("event_unknown", str(wrong["id"]))
    assert "retract the event" in read["reason"]["remedy"]
    assert msgspec.json.decode(base64.b64decode(read["value"])) == wrong
    assert [(reply["action"], reply["flags"]) for reply in replies(job)] == [("review", ["degraded"])]


def test_a_correction_of_a_retracted_event_is_a_dead_letter(job: Imitation) -> None:
    send(job, FIRST, FIRST | {"op": "retract"}, FIRST | {"op": "correct", "amount": 6})
    assert [decision["revision"] for decision in job.decisions()] == [0, 1]
    assert msgspec.json.decode(job.out["X"][0][1])["reason"]["what"] == "event_unknown"


def test_a_repeated_correction_is_a_duplicate_answered_with_the_newest_revision(job: Imitation) -> None:
    correction = FIRST | {"op": "correct", "amount": 7}
    send(job, FIRST, reply="api-1")
    send(job, correction, reply="api-1")
    send(job, correction, reply="api-1")
    assert len(job.decisions()) == 2
    again = [(reply["revision"], reply["flags"]) for reply in replies(job)][1:]
    assert again == [(1, ["warming", "corrected"]), (1, ["duplicate", "corrected"])]


def test_a_correction_may_be_older_than_lateness(job: Imitation) -> None:
    send(job, FIRST, later(2, at=START_MS + 7_200_000))
    send(job, FIRST | {"op": "correct", "amount": 6}, FIRST | {"id": 3})
    assert [(decision["event_id"], decision["revision"]) for decision in job.decisions()] == [("1", 0), ("2", 0), ("1", 1)]
    assert "late" not in job.decisions()[-1]["flags"]
    assert len(job.out["T"]) == 1


def test_a_correction_beyond_the_last_is_refused_before_it_changes_anything_and_a_retraction_still_comes_through(job: Imitation) -> None:
    last = 6 + CORRECTIONS_MAX - 1
    send(job, FIRST, *[FIRST | {"op": "correct", "amount": amount} for amount in range(6, last + 1)])
    assert [decision["revision"] for decision in job.decisions()] == list(range(CORRECTIONS_MAX + 1))
    for amount in (1, 2):
        send(job, FIRST | {"op": "correct", "amount": amount}, reply="api-1")
    assert len(job.decisions()) == CORRECTIONS_MAX + 1
    assert [msgspec.json.decode(letter)["reason"]["what"] for _, letter in job.out["X"]] == ["corrected too often"] * 2
    send(job, later(2))
    features = job.decisions()[-1]["features"]
    assert (features["sum_1d"], features["shop_sum_1d"]) == (last + 5, last + 5)
    send(job, FIRST | {"op": "retract"})
    assert (job.decisions()[-1]["revision"], job.decisions()[-1]["flags"]) == (REVISION_MAX, ["retracted"])


def test_a_row_that_is_corrected_keeps_its_label_and_its_count_of_corrections_over_a_restart(job: Imitation) -> None:
    job.release(2, TEXTS | {"features": TEXTS["features"] + "- {name: frauds_1d, template: label_count, window: 1d}\n"})
    send(job, FIRST)
    id_key = {"event_id": "1", "id_key": 1, "event_time": START_MS, "user": "u", "label": 1, "label_time": START_MS + 1_000}
    job.labels([("who", "u", id_key)], "who")
    send(job, later(2))
    send(job, *[FIRST | {"op": "correct", "amount": 6 + number} for number in range(CORRECTIONS_MAX)])
    job.checkpoint()
    after = Imitation(job.entity_state, job.user_state)
    after.release(2, TEXTS | {"features": TEXTS["features"] + "- {name: frauds_1d, template: label_count, window: 1d}\n"})
    send(after, FIRST | {"op": "correct", "amount": 1})
    assert [msgspec.json.decode(letter)["reason"]["what"] for _, letter in after.out["X"]] == ["corrected too often"]
    send(after, later(3))
    assert after.decisions()[-1]["features"]["frauds_1d"] == 1


def test_answers_do_not_depend_on_how_corrections_are_bundled(job: Imitation) -> None:
    draw = random.Random(5)
    sent: list[Event] = []
    for id in range(1, 40):
        sent.append(later(id, who=f"u{id % 2}", amount=draw.randrange(1, 50)))
        for _ in range(draw.randrange(3)):
            event = draw.choice(sent[-9:])
            sent.append(draw.choice([event, event | {"op": "correct", "amount": draw.randrange(1, 50)}, event | {"op": "retract"}]))
    outcomes = []
    for size in (1, 7, len(sent)):
        job = Imitation()
        job.release(1, TEXTS)
        for first in range(0, len(sent), size):
            send(job, *sent[first : first + size], reply="api-1")
        outcomes.append((job.decisions(), replies(job), len(job.out["X"])))
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert {0, 1, 2} <= {decision["revision"] for decision in outcomes[0][0]}
    assert any(reply["flags"] == ["duplicate", "corrected"] for reply in outcomes[0][1])


def test_corrections_outlive_a_restart(job: Imitation) -> None:
    send(job, FIRST, FIRST | {"op": "correct", "amount": 7})
    job.checkpoint()
    after = Imitation(job.entity_state, job.user_state)
    after.release(1, TEXTS)
    send(after, FIRST | {"op": "correct", "amount": 9})
    send(after, later(2))
    assert [decision["revision"] for decision in after.decisions()] == [2, 0]
    assert [decision["features"]["sum_1d"] for decision in after.decisions()] == [9, 14]
    assert [decision["features"]["shop_sum_1d"] for decision in after.decisions()] == [9, 14]
