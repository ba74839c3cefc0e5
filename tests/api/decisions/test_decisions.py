import asyncio
from types import SimpleNamespace

import msgspec
import pytest
from api_imitation import NOW_MS, Api, event, reply, until

from api.solo.solo_log import SoloLog
from pipeline.solo.intake import Intake


async def test_an_event_is_sent_keyed_by_its_user_and_its_caller_gets_the_pipelines_decision(api: Api) -> None:
    api.answer_all("block", 0.97)
    answer = await api.client.post("/v1/decisions", json=event(7))
    assert answer.status_code == 200
    body = answer.json()
    assert body.pop("elapsed_ms") >= 0
    assert body == {
        "event_id": "7", "revision": 0, "score": 0.97, "action": "block", "reasons": ["why"], "flags": [], "release": 1,
    }  # fmt: skip
    [(topic, key, value, headers)] = api.log.records
    assert (topic, key, msgspec.json.decode(value)) == ("weir.events", "c1", event(7))
    assert headers == [("weir-reply", b"api-1/1")]


async def test_a_caller_gets_the_probability_that_the_pipeline_knows(api: Api) -> None:
    known = {"probability": 0.3, "probability_interval": [0.2, 0.5]}

    def respond(name: str, value: bytes) -> None:
        said = msgspec.json.encode(msgspec.json.decode(reply(value)) | known)
        asyncio.get_running_loop().call_soon(api.waiting.answer, [(name, said)])

    api.log.respond = respond
    body = (await api.client.post("/v1/decisions", json=event(7))).json()
    assert {name: body[name] for name in known} == known


@pytest.mark.parametrize("path", ["/v1/events", "/v1/decisions"])
async def test_what_an_event_does_is_passed_on_and_refused_at_the_door_where_it_is_nothing(api: Api, path: str) -> None:
    api.answer_all()
    assert (await api.client.post(path, json=event(7) | {"op": "correct"})).is_success
    answer = await api.client.post(path, json=event(8) | {"op": "undo"})
    assert (answer.status_code, "op: " in answer.text or '"op"' in answer.text) == (422, True)
    assert [msgspec.json.decode(value) for _, _, value, _ in api.log.records] == [event(7) | {"op": "correct"}]


async def test_past_the_deadline_the_policys_fallback_is_answered_and_the_event_was_sent(api: Api) -> None:
    answer = await api.client.post("/v1/decisions?deadline_ms=5", json=event())
    body = answer.json()
    assert answer.status_code == 200
    assert (body["action"], body["flags"], body["score"], body["age_ms"]) == ("approve", ["degraded"], None, None)
    assert body["reasons"] == ["no decision within 5 ms"]
    assert body["elapsed_ms"] >= 4
    assert len(api.log.of("events")) == 1
    assert len(api.waiting) == 0


@pytest.mark.parametrize(("age_ms", "action"), [(86_399_999, "approve"), (86_400_000, "review")])
async def test_the_fallback_carries_the_users_latest_score_and_goes_by_its_age(api: Api, age_ms: int, action: str) -> None:
    api.keep("3", score=0.5, at_ms=NOW_MS - age_ms)
    body = (await api.client.post("/v1/decisions?deadline_ms=1", json=event())).json()
    assert (body["score"], body["age_ms"], body["action"]) == (0.5, age_ms, action)


@pytest.mark.parametrize("why", ["catching up", "down"])
async def test_no_caller_waits_while_the_pipeline_catches_up_or_is_down_but_the_event_is_sent(api: Api, why: str) -> None:
    if why == "down":
        api.health.found("score_job", "state RESTARTING")
    else:
        api.health.take_catch_up_marker("mode:run-1", b"[0]")
    body = (await asyncio.wait_for(api.client.post("/v1/decisions?deadline_ms=10000", json=event()), 2)).json()
    assert body["flags"] == ["degraded"]
    assert why in body["reasons"][0]
    assert len(api.log.of("events")) == 1


async def test_all_partitions_caught_up_ends_the_catching_up(api: Api) -> None:
    api.answer_all()
    flags = []
    marks = [
        ("mode:a", b"[0,3]"),
        ("mode:a:3", b""),
        ("mode:old:0", b""),
        ("mode:a:0", b""),
        ("mode:b", b"[1]"),
        ("mode:a:1", b""),
        ("mode:c", b"[]"),
    ]
    for id, (key, value) in enumerate(marks):
        api.health.take_catch_up_marker(key, value)
        flags.append((await api.client.post("/v1/decisions", json=event(id))).json()["flags"])
    assert flags == [["degraded"], ["degraded"], ["degraded"], [], ["degraded"], ["degraded"], []]


async def test_an_unreachable_flink_does_not_stop_callers_from_waiting(api: Api) -> None:
    api.health.found("score_job", "ConnectError: refused")
    api.answer_all()
    assert (await api.client.post("/v1/decisions", json=event())).json()["flags"] == []


async def test_callers_with_the_same_event_in_flight_share_one_answer(api: Api) -> None:
    def respond(name: str, value: bytes) -> None:
        asyncio.get_running_loop().call_later(0.02, api.waiting.answer, [(name, reply(value))])

    api.log.respond = respond
    answers = await asyncio.gather(*(api.client.post("/v1/decisions?deadline_ms=10000", json=event(5)) for _ in range(20)))
    assert {answer.json()["event_id"] for answer in answers} == {"5"}
    assert all(answer.json()["flags"] == [] for answer in answers)
    assert len(api.log.of("events")) == 1


async def test_a_caller_that_gives_up_early_leaves_the_others_their_answer(api: Api) -> None:
    patient = asyncio.create_task(api.client.post("/v1/decisions?deadline_ms=10000", json=event(5)))
    await until(lambda: len(api.waiting) == 1)
    hasty = await api.client.post("/v1/decisions?deadline_ms=1", json=event(5))
    api.waiting.answer([("api-1/1", reply(b'{"id": 5}'))])
    assert hasty.json()["flags"] == ["degraded"]
    assert (await patient).json()["flags"] == []
    assert len(api.log.of("events")) == 1


async def test_the_same_id_of_another_user_gets_its_own_answer(api: Api) -> None:
    def respond(name: str, value: bytes) -> None:
        action = {"c1": "approve", "c2": "block"}[msgspec.json.decode(value)["customer"]]
        asyncio.get_running_loop().call_later(0.01, api.waiting.answer, [(name, reply(value, action))])

    api.log.respond = respond
    answers = await asyncio.gather(*(api.client.post("/v1/decisions?deadline_ms=10000", json=event(5, user)) for user in ("c1", "c2")))
    assert [answer.json()["action"] for answer in answers] == ["approve", "block"]


async def test_a_reply_that_comes_after_its_deadline_answers_nobody_else(api: Api) -> None:
    await api.client.post("/v1/decisions?deadline_ms=1", json=event(5, "c1"))
    waiting = asyncio.create_task(api.client.post("/v1/decisions?deadline_ms=60", json=event(5, "c2")))
    await until(lambda: len(api.log.of("events")) == 2)
    api.waiting.answer([("api-1/1", reply(b'{"id": 5}', "block"))])
    assert (await waiting).json()["flags"] == ["degraded"]
    assert api.waiting.unmatched == 1


async def test_more_decisions_in_flight_than_the_bound_are_turned_away_with_a_time_to_come_again(api: Api) -> None:
    answers = await asyncio.gather(*(api.client.post("/v1/decisions?deadline_ms=50", json=event(id)) for id in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 429]
    busy = next(answer for answer in answers if answer.status_code == 429)
    assert busy.headers["retry-after"] == "1"
    assert len(api.log.of("events")) == 3
    assert (await api.client.post("/v1/decisions?deadline_ms=1", json=event(9))).status_code == 200


@pytest.mark.parametrize("path", ["/v1/events", "/v1/decisions"])
async def test_callers_come_again_later_when_as_many_records_wait_for_the_engine_as_may(api: Api, path: str) -> None:
    full = SoloLog(SimpleNamespace(ended=False, put=Intake(records_max=1).put), "weir.")  # type: ignore[arg-type]
    full.produce("weir.events", "c1", b"{}")  # nobody takes it
    api.log.produce, api.log.deliver = full.produce, full.deliver  # type: ignore[method-assign]
    busy = await api.client.post(path, json=event(7))
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "1")
    assert "1 records wait for the engine" in busy.json()["detail"]


@pytest.mark.parametrize("catching_up", [False, True])
async def test_an_event_that_the_log_does_not_take_is_answered_with_the_fallback_and_said_to_be_lost(api: Api, catching_up: bool) -> None:
    api.keep("3", score=0.5)
    if catching_up:
        api.health.take_catch_up_marker("mode:r", b"[0]")
    api.log.down = True
    answer = await api.client.post("/v1/decisions", json=event())
    assert answer.status_code == 200
    told = answer.json()
    assert (told["action"], told["score"], told["flags"]) == ("approve", 0.5, ["degraded"])
    assert told["reasons"][0].startswith("the event was not taken, send it again")
    assert len(api.waiting) == 0


async def test_a_decision_that_was_refused_by_the_pipeline_has_no_score(api: Api) -> None:
    def respond(name: str, value: bytes) -> None:
        answer = b'{"event_id":"5","revision":0,"score":null,"action":"approve","reasons":["too late"],"flags":["degraded"],"release":1}'
        asyncio.get_running_loop().call_soon(api.waiting.answer, [(name, answer)])

    api.log.respond = respond
    assert (await api.client.post("/v1/decisions", json=event(5))).json()["score"] is None


@pytest.mark.parametrize("deadline", ["0", "-1", "10001", "1e3", "", "soon", "٣", "9" * 5000])
async def test_a_deadline_out_of_range_is_refused_before_the_event_is_sent(api: Api, deadline: str) -> None:
    answer = await api.client.post("/v1/decisions", params={"deadline_ms": deadline}, json=event())
    assert answer.status_code == 422
    assert answer.json()["where"] == "deadline_ms"
    assert api.log.records == []


async def test_a_store_that_fails_leaves_the_fallback_without_a_score(api: Api) -> None:
    api.decisions.close()
    api.decisions._reading._path = api.decisions._reading._path / "no" / "such"
    body = (await api.client.post("/v1/decisions?deadline_ms=1", json=event())).json()
    assert (body["score"], body["action"]) == (None, "approve")


async def test_a_fallback_while_the_broker_does_not_answer_says_that_the_event_may_be_lost(api: Api) -> None:
    body = (await api.client.post("/v1/decisions?deadline_ms=1", json=event(1))).json()
    assert len(body["reasons"]) == 1
    api.health.found("broker", "Local: Timed out")
    body = (await api.client.post("/v1/decisions?deadline_ms=1", json=event(2))).json()
    assert "send the event again" in body["reasons"][1]
    api.health.found("broker", "")
    assert len((await api.client.post("/v1/decisions?deadline_ms=1", json=event(3))).json()["reasons"]) == 1


async def test_callers_that_share_an_event_take_one_place_among_those_in_flight(api: Api) -> None:
    answers = await asyncio.gather(*(api.client.post("/v1/decisions?deadline_ms=50", json=event(7)) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(api.log.of("events")) == 1


async def test_a_caller_that_goes_away_leaves_no_place_taken(api: Api) -> None:
    waiting = asyncio.create_task(api.client.post("/v1/decisions?deadline_ms=10000", json=event(8)))
    await until(lambda: len(api.waiting) == 1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert len(api.waiting) == 0


async def test_the_same_id_with_another_body_does_not_share_the_answer_in_flight(api: Api) -> None:
    def respond(name: str, value: bytes) -> None:
        action = "block" if msgspec.json.decode(value)["amount"] == 1 else "approve"
        asyncio.get_running_loop().call_later(0.01, api.waiting.answer, [(name, reply(value, action))])

    api.log.respond = respond
    path = "/v1/decisions?deadline_ms=10000"
    one, other = await asyncio.gather(api.client.post(path, json=event(5)), api.client.post(path, json=event(5, amount=1)))
    assert (one.json()["action"], other.json()["action"]) == ("approve", "block")


JUNK = [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"event_id":1}', b'{"event_id":' * 100_000]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
async def test_a_reply_that_is_no_decision_is_answered_with_the_fallback(api: Api, junk: bytes) -> None:
    api.log.respond = lambda name, value: asyncio.get_running_loop().call_soon(api.waiting.answer, [(name, junk)])  # type: ignore[assignment]
    answer = await api.client.post("/v1/decisions", json=event())
    assert (answer.status_code, answer.json()["action"], answer.json()["flags"]) == (200, "approve", ["degraded"])
    assert answer.json()["reasons"] == ["the reply of the pipeline could not be read"]
