"""Events whose place is behind more others than windows are turned back over: what becomes of them, and what says so."""

import msgspec
import pytest
from imitation import Imitation

TEXTS = {
    "schema": """
id: {field: id, type: integer}
time: {field: at, unit: ms}
user: who
entities: [shop]
fields: {amount: {type: decimal, scale: 2, retain: true}}
lateness: 1h
rewind_max: 32
""",
    "features": """
- {name: sum_2h, template: sum, value: event.amount, window: 2h}
- {name: shop_sum_2h, template: sum, entity: shop, value: event.amount, window: 2h}
- {name: shop_max_ever, template: max, entity: shop, value: event.amount, window: unbounded}
""",
    "models": """
- {name: own, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 1}}
""",
    "policy": "{score: first_ready(own), bands: [{action: approve}], fallback: {action: review}}",
}
START_MS = 1_700_000_000_000
BEFORE = TEXTS | {"features": "\n".join(line for line in TEXTS["features"].splitlines() if "ever" not in line)}
HOUR_MS = 3_600_000


@pytest.fixture
def job() -> Imitation:
    job = Imitation()
    job.release(1, BEFORE)
    return job


def event(id: int, at_ms: int = 0, who: str = "u", shop: str = "s", amount: int = 1, **more: object) -> dict[str, object]:
    return {"id": id, "at": START_MS + at_ms, "who": who, "shop": shop, "amount": amount, **more}


def send(job: Imitation, *events: dict[str, object], reply: str = "") -> None:
    job.events([msgspec.json.encode(each) for each in events], reply=reply)


def of_one_user(count: int) -> list[dict[str, object]]:
    return [event(id, 1_000 * id, shop=f"s{id}") for id in range(1, count + 1)]


def of_one_shop(count: int) -> list[dict[str, object]]:
    return [event(id, 1_000 * id, who=f"u{id}") for id in range(1, count + 1)]


def test_a_late_event_behind_as_many_others_as_windows_are_turned_back_over_is_decided_as_of_its_place(job: Imitation) -> None:
    send(job, *of_one_user(32), event(99, 500, amount=7))
    assert (job.decisions()[-1]["flags"][0], job.decisions()[-1]["features"]["sum_2h"]) == ("late", 7)


def test_a_late_event_behind_more_of_its_user_goes_to_late_with_the_reason_and_changes_nothing(job: Imitation) -> None:
    send(job, *of_one_user(33))
    send(job, event(99, 500, amount=7), reply="api-1")
    [(_, record)] = job.out["T"]
    assert "more than 32 events of the user" in msgspec.json.decode(record)["reason"]
    assert msgspec.json.decode(job.out["R"][0][1])["flags"] == ["degraded"]
    send(job, event(100, 40_000))
    assert job.decisions()[-1]["features"]["sum_2h"] == 34


@pytest.mark.parametrize("op", ["correct", "retract"])
def test_a_correction_behind_more_events_of_its_user_is_a_dead_letter_and_changes_nothing(job: Imitation, op: str) -> None:
    send(job, *of_one_user(40))
    send(job, event(1, 1_000, shop="s1", amount=7, op=op))
    [(_, letter)] = job.out["X"]
    reason = msgspec.json.decode(letter)["reason"]
    assert (reason["what"], "32" in reason["expected"]) == ("event_too_far_back", True)
    send(job, event(100, 50_000))
    assert (len(job.decisions()), job.decisions()[-1]["features"]["sum_2h"]) == (41, 41)


@pytest.mark.parametrize("late", [event(99, 500, who="v", amount=7), event(1, 1_000, who="u1", amount=7, op="correct")])
def test_an_entity_goes_on_without_an_event_too_far_back_and_says_so_for_as_long_as_windows_reach_back_to_it(
    job: Imitation, late: dict[str, object]
) -> None:
    send(job, *of_one_shop(40))
    assert "warming" not in job.decisions()[-1]["flags"] or job.decisions()[-1]["score"] is None
    send(job, late)
    decision = job.decisions()[-1]
    assert ("warming" in decision["flags"], decision["features"]["shop_sum_2h"]) == (True, None)
    assert decision["features"]["sum_2h"] == 7
    job.checkpoint()
    after = Imitation(job.entity_state, job.user_state)
    after.release(1, BEFORE)
    at_ms = int(late["at"]) - START_MS  # type: ignore[call-overload]  # a number
    send(after, event(200, 2 * HOUR_MS + at_ms - 1, who="u1"), event(201, 2 * HOUR_MS + at_ms, who="u1"))
    assert ["warming" in decision["flags"] for decision in after.decisions()] == [True, False]


def test_a_window_without_an_end_says_that_it_lacks_an_event_from_then_on(job: Imitation) -> None:
    job.release(2, TEXTS)
    send(job, *of_one_shop(40), event(99, 500, who="v", amount=7), event(201, 24 * HOUR_MS, who="u1"), event(202, 24 * HOUR_MS, who="u1"))
    assert "warming" in job.decisions()[-1]["flags"]


def test_an_event_that_is_sent_again_far_behind_leaves_an_entity_as_it_was(job: Imitation) -> None:
    send(job, *of_one_shop(40))
    send(job, event(1, 1_000, who="u1"))
    send(job, event(201, 60_000, who="u2"))
    assert job.decisions()[-1]["features"]["shop_sum_2h"] == 41
    assert "warming" not in job.decisions()[-1]["flags"] or job.decisions()[-1]["score"] is None
