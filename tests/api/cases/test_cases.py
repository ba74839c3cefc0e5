"""Cases over HTTP: the queue, claims, verdicts, and who may see what."""

from typing import Any

import httpx
import msgspec
import pytest
from alerts_of_a_test import alert
from api_imitation import NOW_MS, TEXTS, Api
from cases_of_a_test import ALERTS_YAML, CASES_YAML, case, counted, opened

from pipeline.engine.definitions.release import compile_release
from stores.casework.alerts import AlertEvent, AlertWork
from stores.casework.case import Case
from stores.casework.holds import Hold, HoldChange
from stores.effects import effect_id
from stores.relational.casework.case_growth import put_alerts

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
FRAUD = {"verdict": "fraud", "reason": "stolen_card", "inputs": {"called": True, "channel": "web"}}


@pytest.fixture(autouse=True)
def with_cases(api: Api) -> None:
    texts = TEXTS | {"alerts": ALERTS_YAML, "cases": CASES_YAML}
    api.in_force.install(compile_release(2, texts), texts)


def keep(api: Api, *cases: Case) -> None:
    for one in cases:
        api.cases.cases.open(*opened(one))


def fill(api: Api, one: Case, id: str, *events: AlertEvent) -> None:
    """Puts an alert with events into a case."""
    api.alerts.write(AlertWork([alert(id)], events, (), ()))
    with api.database.writing() as connection:
        put_alerts(connection, {id: one.id}, NOW_MS)
        connection.exec_driver_sql(f"UPDATE alert_event SET case_id = '{one.id}' WHERE alert = '{id}'")


async def caller(api: Api, name: str, *roles: str) -> httpx.AsyncClient:
    token = await api.client.post("/v1/tokens", json={"name": name, "roles": list(roles)})
    header = {"authorization": f"Bearer {token.json()['token']}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url="http://api", headers=header)


async def ids(client: httpx.AsyncClient, **parameters: Any) -> list[str]:
    return [one["entity"]["id"] for one in (await client.get("/v1/cases", params=parameters)).json()["cases"]]


async def test_the_queue_comes_by_pages_greatest_priority_first_and_oldest_first_among_equals(api: Api) -> None:
    keep(api, *(case(number, priority=float(number // 2)) for number in range(7)))
    found: list[str] = []
    cursor = None
    while True:
        page = (await api.client.get("/v1/cases", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        found += [one["entity"]["id"] for one in page["cases"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == ["c6", "c4", "c5", "c2", "c3", "c0", "c1"]


async def test_the_queue_says_which_cases_the_day_has_room_for(api: Api) -> None:
    keep(api, *(case(number, priority=float(number)) for number in range(4)))
    api.now_ms += 1
    shown = (await api.client.get("/v1/cases")).json()["cases"]
    assert [one["is_within_capacity"] for one in shown] == [True, True, False, False]
    assert (await api.client.post(f"/v1/cases/{shown[0]['id']}/verdicts", json=FRAUD | {"close": True})).status_code == 201
    shown = (await api.client.get("/v1/cases")).json()["cases"]
    assert [one["is_within_capacity"] for one in shown] == [None, True, False, False]


async def test_cases_are_found_by_state_inbox_typology_entity_and_holder(api: Api) -> None:
    keep(api, case(1), case(2), case(3, inbox="logins", typology="takeover"), case(4))
    listed = {one["entity"]["id"]: one["id"] for one in (await api.client.get("/v1/cases")).json()["cases"]}
    await api.client.post(f"/v1/cases/{listed['c1']}:claim")
    await api.client.post(f"/v1/cases/{listed['c2']}:snooze", json={"until_ms": NOW_MS + HOUR})
    await api.client.post(f"/v1/cases/{listed['c4']}:close", json={"text": "a test"})
    assert await ids(api.client, state="claimed") == await ids(api.client, holder="owner") == ["c1"]
    assert await ids(api.client, state="snoozed") == ["c2"]
    assert (
        await ids(api.client, state="open") == await ids(api.client, inbox="logins") == await ids(api.client, typology="takeover") == ["c3"]
    )
    assert await ids(api.client, state="closed") == await ids(api.client, entity="customer", id="c4") == ["c4"]
    api.now_ms += HOUR
    assert await ids(api.client, state="open") == ["c1", "c2", "c3"]


@pytest.mark.parametrize(
    "bad",
    [{"state": "new"}, {"entity": "customer"}, {"id": "c1"}, {"cursor": "x"}, {"cursor": "kcA="}, {"limit": 0}, {"limit": 501}, {"x": 1}],
)
async def test_a_question_that_makes_no_sense_is_refused(api: Api, bad: dict[str, Any]) -> None:
    answer = await api.client.get("/v1/cases", params=bad)
    assert answer.status_code in (400, 422) and answer.headers["content-type"] == "application/problem+json"


async def test_of_two_analysts_one_claims_a_case_and_the_other_is_told_who_holds_it(api: Api) -> None:
    keep(api, case(1))
    ana, bob = await caller(api, "ana", "analyst"), await caller(api, "bob", "analyst")
    path = f"/v1/cases/{(await ana.get('/v1/cases')).json()['cases'][0]['id']}"
    claimed = (await ana.post(f"{path}:claim")).json()
    assert (claimed["state"], claimed["holder"], claimed["held_until_ms"]) == ("claimed", "ana", NOW_MS + 30 * MINUTE)
    refused = await bob.post(f"{path}:claim")
    assert refused.status_code == 409 and "ana holds the case" in refused.json()["detail"]
    assert (await bob.post(f"{path}/verdicts", json=FRAUD)).status_code == 409
    assert (await bob.post(f"{path}:release")).status_code == 409
    assert (await bob.post(f"{path}/notes", json={"text": "seen it before"})).status_code == 200
    api.now_ms += 30 * MINUTE
    assert (await bob.post(f"{path}:claim")).json()["holder"] == "bob"
    assert (await bob.post(f"{path}:release")).json()["state"] == "open"


async def test_the_second_of_two_analysts_is_told_what_has_changed(api: Api) -> None:
    keep(api, case(1))
    id = (await api.client.get("/v1/cases")).json()["cases"][0]["id"]
    seen = (await api.client.get(f"/v1/cases/{id}")).headers["etag"]
    ana, bob = await caller(api, "ana", "analyst"), await caller(api, "bob", "analyst")
    assert (await ana.post(f"/v1/cases/{id}/notes", json={"text": "called"}, headers={"if-match": seen})).status_code == 200
    late = await bob.post(f"/v1/cases/{id}:claim", headers={"if-match": seen})
    problem = late.json()
    assert (late.status_code, [(one["what"], one["by"], one["text"]) for one in problem["changes"]]) == (412, [("note", "ana", "called")])
    assert (await bob.post(f"/v1/cases/{id}:claim", headers={"if-match": late.headers["etag"]})).status_code == 200
    for garbage in ("x", '"x"', '"9999999999999999999999"', ""):
        assert (await bob.post(f"/v1/cases/{id}:claim", headers={"if-match": garbage})).status_code == 412


async def test_next_gives_the_best_case_that_is_free_and_nobody_elses(api: Api) -> None:
    keep(api, *(case(number, priority=float(number)) for number in range(4)))
    ana, bob = await caller(api, "ana", "analyst"), await caller(api, "bob", "analyst")
    best = (await api.client.get("/v1/cases")).json()["cases"]
    await api.client.post(f"/v1/cases/{best[2]['id']}:assign", json={"to": "bob"})
    assert [(await ana.post("/v1/cases:next")).json()["entity"]["id"] for _ in range(3)] == ["c3", "c2", "c0"]
    assert (await ana.post("/v1/cases:next")).status_code == 404
    assert (await bob.post("/v1/cases:next", json={"inboxes": ["payments"]})).json()["entity"]["id"] == "c1"
    assert (await bob.post("/v1/cases:next", json={"inboxes": ["logins"]})).status_code == 404


async def test_a_case_of_an_inbox_that_is_not_the_callers_is_not_there(api: Api) -> None:
    keep(api, case(1), case(2, inbox="logins", typology="takeover"))
    put = await api.client.put("/v1/inboxes/logins", json={"roles": ["approver"], "members": ["ana"]})
    assert (put.json()["is_restricted"], put.json()["open"], put.json()["members"]) == (True, 1, ["ana"])
    ana, bob = await caller(api, "ana", "analyst"), await caller(api, "bob", "analyst")
    id = next(one["id"] for one in (await ana.get("/v1/cases")).json()["cases"] if one["inbox"] == "logins")
    assert (await ids(bob), [one["name"] for one in (await bob.get("/v1/inboxes")).json()["inboxes"]]) == (["c1"], ["payments"])
    for path in ("", "/timeline", "/events", "/alerts", "/links", "/verdicts"):
        assert (await bob.get(f"/v1/cases/{id}{path}")).status_code == 404
        assert (await ana.get(f"/v1/cases/{id}{path}")).status_code == 200
    for path, body in (
        (":claim", None),
        (":release", None),
        ("/notes", {"text": "x"}),
        ("/verdicts", FRAUD | {"inputs": {}}),
        (":close", None),
    ):
        assert (await bob.post(f"/v1/cases/{id}{path}", json=body)).status_code == 404
    assert (await bob.post("/v1/cases:next", json={"inboxes": ["logins"]})).status_code == 404
    assert (await bob.post("/v1/cases", json={"typology": "takeover", "entity_id": "c9"})).status_code == 422
    assert (await bob.get("/v1/inboxes/logins")).status_code == 404
    assert [one["inbox"] for one in (await bob.get("/v1/cases:quality")).json()["inboxes"]] == ["payments"]


async def test_a_verdict_on_all_events_is_stored_and_closes_the_case(api: Api) -> None:
    keep(api, case(1))
    id = (await api.client.get("/v1/cases")).json()["cases"][0]["id"]
    ana = await caller(api, "ana", "analyst")
    given = (await ana.post(f"/v1/cases/{id}/verdicts", json=FRAUD | {"close": True, "text": "called the customer"})).json()
    assert (given["case"]["state"], given["case"]["verdict"], given["case"]["decided_at_ms"]) == ("closed", "fraud", NOW_MS)
    [stored] = api.verdicts.verdicts_of(id)
    assert (stored.event_id, stored.reason, stored.inputs, stored.by, stored.effective_at_ms) == (
        "", "stolen_card", {"called": True, "channel": "web"}, "ana", NOW_MS + MINUTE
    )  # fmt: skip
    assert api.verdicts.uncarried(NOW_MS + MINUTE, 5) == [stored]
    timeline = (await ana.get(f"/v1/cases/{id}/timeline")).json()["entries"]
    assert [(one["what"], one["by"]) for one in timeline] == [("closed", "ana"), ("verdict", "ana"), ("opened", "")]
    assert (await ana.post(f"/v1/cases/{id}/verdicts", json=FRAUD)).status_code == 409


async def test_a_verdict_is_undone_within_its_minute_and_its_case_is_open_again(api: Api) -> None:
    keep(api, case(1), case(2))
    first, second = ((one["id"]) for one in (await api.client.get("/v1/cases")).json()["cases"])
    given = (await api.client.post(f"/v1/cases/{first}/verdicts", json=FRAUD | {"close": True})).json()["verdicts"][0]["id"]
    undone = await api.client.post(f"/v1/cases/{first}/verdicts/{given}:undo")
    case_ = undone.json()["case"]
    assert (undone.status_code, case_["state"], case_["verdict"], case_["decided_at_ms"]) == (200, "open", "", None)
    assert (await api.client.post(f"/v1/cases/{first}/verdicts/{given}:undo")).status_code == 409
    assert (await api.client.post(f"/v1/cases/{second}/verdicts/{given}:undo")).status_code == 404
    late = (await api.client.post(f"/v1/cases/{second}/verdicts", json=FRAUD)).json()["verdicts"][0]["id"]
    api.now_ms += MINUTE
    assert (await api.client.post(f"/v1/cases/{second}/verdicts/{late}:undo")).status_code == 409
    assert [one.id for one in api.verdicts.uncarried(api.now_ms, 5)] == [late]


async def test_verdicts_on_some_events_name_events_of_the_case(api: Api) -> None:
    one = case(1)
    keep(api, one)
    keys = [effect_id("u1", f"e{number}") for number in range(3)]
    fill(api, one, "a1", *(counted(key, "a1", user="u1", event_id=f"e{number}") for number, key in enumerate(keys)))
    events = [{"user": "u1", "event_id": "e0"}, {"user": "u1", "event_id": "e2"}, {"user": "u1", "event_id": "e0"}]
    given = await api.client.post(f"/v1/cases/{one.id}/verdicts", json=FRAUD | {"events": events})
    assert [one["event_id"] for one in given.json()["verdicts"]] == ["e0", "e2"]
    legitimate = {"verdict": "legitimate", "reason": "known", "inputs": {"called": False}, "events": events[:1]}
    assert (await api.client.post(f"/v1/cases/{one.id}/verdicts", json=legitimate)).json()["case"]["verdict"] == "fraud"
    unknown = await api.client.post(f"/v1/cases/{one.id}/verdicts", json=FRAUD | {"events": [{"user": "u1", "event_id": "e7"}]})
    assert (unknown.status_code, unknown.json()["where"]) == (422, "events")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"verdict": "guilty"}, "verdict"),
        ({"reason": "because"}, "reason"),
        ({"reason": ""}, "reason"),
        ({"inputs": {"called": True}}, "inputs.channel"),
        ({"inputs": {"called": "yes", "channel": "web"}}, "inputs.called"),
        ({"inputs": {"called": True, "channel": "phone"}}, "inputs.channel"),
        ({"inputs": {"called": True, "channel": "web", "x": 1}}, "inputs.x"),
        ({"events": []}, "events"),
        ({"text": "x" * 2_001}, "text"),
        ({"by": "somebody else"}, "by"),
    ],
)
async def test_what_is_no_verdict_is_refused_with_the_name_of_the_field(api: Api, change: dict[str, Any], where: str) -> None:
    keep(api, case(1))
    id = (await api.client.get("/v1/cases")).json()["cases"][0]["id"]
    answer = await api.client.post(f"/v1/cases/{id}/verdicts", json=FRAUD | change)
    assert (answer.status_code, answer.json()["where"]) == (422, where)
    assert api.verdicts.verdicts_of(id) == []


async def test_a_case_is_opened_by_hand_once(api: Api) -> None:
    ana = await caller(api, "ana", "analyst")
    hostile = "<script>'\";--\n\u202e\U0001f4a3"
    made = await ana.post("/v1/cases", json={"typology": "takeover", "entity_id": hostile, "text": hostile})
    assert (made.status_code, made.json()["entity"], made.json()["inbox"], made.json()["opened_by"]) == (
        201, {"kind": "customer", "id": hostile}, "logins", "ana"
    )  # fmt: skip
    again = await ana.post("/v1/cases", json={"typology": "takeover", "entity_id": hostile})
    assert again.status_code == 409 and made.json()["id"] in again.json()["detail"]
    assert await ids(ana, entity="customer", id=hostile) == [hostile]
    for bad in ({"typology": "x", "entity_id": "c"}, {"typology": "takeover", "entity_id": ""}, {"typology": "takeover"}, {"x": 1}):
        assert (await ana.post("/v1/cases", json=bad)).status_code == 422
    await ana.post(f"/v1/cases/{made.json()['id']}:close", json={"text": "a test"})
    other = await ana.post("/v1/cases", json={"typology": "takeover", "entity_id": hostile})
    assert other.status_code == 201
    assert (await ana.post(f"/v1/cases/{made.json()['id']}:reopen")).status_code == 409


@pytest.mark.parametrize("text", ["\x00", "c\x00d"])
async def test_a_text_that_no_database_can_hold_is_refused(api: Api, text: str) -> None:
    assert (await api.client.post("/v1/cases", json={"typology": "takeover", "entity_id": text})).status_code == 422
    assert (await api.client.get("/v1/cases", params={"entity": "customer", "id": text})).status_code in (400, 422)
    assert (await api.client.get("/v1/cases", params={"inbox": text})).status_code in (400, 422)
    keep(api, case(1))
    id = (await api.client.get("/v1/cases")).json()["cases"][0]["id"]
    assert (await api.client.post(f"/v1/cases/{id}:assign", json={"to": text})).status_code == 422


async def test_alerts_are_moved_to_another_case_and_detached(api: Api) -> None:
    one, two = case(1, alerts=2, events=3), case(2)
    keep(api, one, two)
    fill(api, one, "a1", counted("k1", "a1", 5), counted("k2", "a1", 6))
    fill(api, one, "a2", counted("k3", "a2", 7))
    left = await api.client.post(f"/v1/cases/{one.id}/alerts/a1:move", json={"to": two.id})
    assert (left.status_code, left.json()["alerts"], left.json()["events"], left.json()["loss"]) == (200, 1, 1, 10.0)
    joined = (await api.client.get(f"/v1/cases/{two.id}")).json()
    assert (joined["alerts"], joined["events"], joined["priority"], joined["first_event_ms"]) == (1, 2, 10.0, 5)
    found = (await api.client.get(f"/v1/cases/{two.id}/alerts")).json()["alerts"]
    assert [(one["id"], one["name"]) for one in found] == [("a1", "attack")]
    detached = await api.client.post(f"/v1/cases/{one.id}/alerts/a2:move", json={"to": None})
    assert (detached.json()["alerts"], detached.json()["events"]) == (0, 0)
    for alert_, to in (("a2", two.id), ("x", two.id), ("a1", None)):
        assert (await api.client.post(f"/v1/cases/{one.id}/alerts/{alert_}:move", json={"to": to})).status_code == 404
    assert (await api.client.post(f"/v1/cases/{two.id}/alerts/a1:move", json={"to": two.id})).status_code == 422
    assert (await api.client.post(f"/v1/cases/{two.id}/alerts/a1:move", json={"to": "x"})).status_code == 404


async def test_an_event_says_what_became_of_its_held_payment(api: Api) -> None:
    keep(api, case(1))
    fill(api, case(1), "a1", counted("held", "a1", 5), counted("free", "a1", 6))
    hold = Hold("f" * 32, "held", "c1", "e-held", 0, 5, "review", held_at_ms=NOW_MS, until_ms=NOW_MS + MINUTE, then="decline")
    api.holds.change([HoldChange(hold)])
    api.holds.change([HoldChange(msgspec.structs.replace(hold, state="released", by="ana", ended_at_ms=NOW_MS + 1, version=2))])
    events = (await api.client.get(f"/v1/cases/{case(1).id}/events")).json()["events"]
    ended = {"id": hold.id, "state": "released", "until_ms": NOW_MS + MINUTE, "ended_at_ms": NOW_MS + 1, "by": "ana"}
    assert [one["hold"] for one in events] == [ended, None]


async def test_cases_that_share_entities_are_linked(api: Api) -> None:
    shared = (("device", "d1"), ("address", "x"))
    keep(api, case(1, entities=(("customer", "c1"), *shared)), case(2, entities=shared), case(3, entities=shared[:1]), case(4))
    id = next(one["id"] for one in (await api.client.get("/v1/cases")).json()["cases"] if one["entity"]["id"] == "c1")
    links = (await api.client.get(f"/v1/cases/{id}/links")).json()["links"]
    assert [(one["case"]["entity"]["id"], one["shared"]) for one in links] == [("c2", 2), ("c3", 1)]


async def test_the_timeline_comes_by_pages_whatever_is_in_it(api: Api) -> None:
    one = case(1)
    keep(api, one)
    fill(api, one, "a1", *(counted(f"k{number}", "a1", 900 + 50 * number) for number in range(5)))
    for number in range(3):
        api.now_ms += 1
        await api.client.post(f"/v1/cases/{one.id}/notes", json={"text": f"note {number}"})
    whole = (await api.client.get(f"/v1/cases/{one.id}/timeline")).json()
    assert whole["next"] is None
    assert [entry["what"] for entry in whole["entries"]] == ["note", "note", "note", "event", "event", "opened", "event", "event", "event"]
    for limit in (1, 2, 4):
        found, cursor = [], None
        while True:
            asked = {"limit": limit} | ({"cursor": cursor} if cursor else {})
            page = (await api.client.get(f"/v1/cases/{one.id}/timeline", params=asked)).json()
            found += page["entries"]
            cursor = page["next"]
            if cursor is None:
                break
        assert found == whole["entries"]


@pytest.mark.parametrize("garbage", ["x", "%00", "018bcfe5-6800-7000-8000-00000000000", "018BCFE5-6800-7000-8000-000000000000", "a" * 199])
async def test_an_id_that_is_none_is_not_there(api: Api, garbage: str) -> None:
    for path in ("", "/timeline", "/events"):
        assert (await api.client.get(f"/v1/cases/{garbage}{path}")).status_code == 404
    assert (await api.client.post(f"/v1/cases/{garbage}:claim")).status_code == 404


async def test_readers_read_cases_and_change_none(api: Api) -> None:
    keep(api, case(1))
    reader, system = await caller(api, "rea", "reader"), await caller(api, "sys", "system")
    id = (await reader.get("/v1/cases")).json()["cases"][0]["id"]
    for path in (f"/v1/cases/{id}:claim", f"/v1/cases/{id}/verdicts", f"/v1/cases/{id}/notes", "/v1/cases:next", "/v1/cases"):
        assert (await reader.post(path)).status_code == 403
    assert (await system.get("/v1/cases")).status_code == 403
    for client in (reader, await caller(api, "app", "approver")):
        assert (await client.put("/v1/inboxes/payments", json={})).status_code == 403
        assert (await client.delete("/v1/inboxes/payments")).status_code == 403


@pytest.mark.parametrize("bad", [{}, {"until_ms": NOW_MS}, {"until_ms": NOW_MS + 400 * DAY}, {"events": 0}, {"loss": -1.0}, {"for": "1d"}])
async def test_a_snooze_that_makes_no_sense_is_refused(api: Api, bad: dict[str, Any]) -> None:
    keep(api, case(1))
    id = (await api.client.get("/v1/cases")).json()["cases"][0]["id"]
    assert (await api.client.post(f"/v1/cases/{id}:snooze", json=bad)).status_code == 422


async def test_a_case_without_a_verdict_is_closed_with_a_text(api: Api) -> None:
    keep(api, case(1))
    id = (await api.client.get("/v1/cases")).json()["cases"][0]["id"]
    assert (await api.client.post(f"/v1/cases/{id}:close")).status_code == 409
    assert (await api.client.post(f"/v1/cases/{id}:close", json={"text": "opened by mistake"})).json()["state"] == "closed"
    assert (await api.client.post(f"/v1/cases/{id}:close", json={"text": "again"})).status_code == 409
    assert (await api.client.post(f"/v1/cases/{id}:reopen")).json()["state"] == "open"


async def test_an_inbox_is_changed_by_whoever_has_seen_it_and_checked(api: Api) -> None:
    put = await api.client.put("/v1/inboxes/payments", json={"roles": ["analyst"]}, headers={"if-match": '"0"'})
    assert (put.status_code, put.headers["etag"]) == (200, '"1"')
    assert (await api.client.put("/v1/inboxes/payments", json={}, headers={"if-match": '"0"'})).status_code == 412
    for name, bad in (("X", {}), ("payments", {"roles": ["boss"]}), ("payments", {"x": 1}), ("payments", {"members": [""]})):
        assert (await api.client.put(f"/v1/inboxes/{name}", json=bad)).status_code == 422
    assert (await api.client.delete("/v1/inboxes/payments")).status_code == 200
    assert (await api.client.delete("/v1/inboxes/payments")).status_code == 404
    assert (await api.client.get("/v1/inboxes/payments")).json()["is_restricted"] is False


async def test_the_quality_of_reviews_is_worked_out(api: Api) -> None:
    keep(api, *(case(number, NOW_MS) for number in range(4)))
    listed = {one["entity"]["id"]: one["id"] for one in (await api.client.get("/v1/cases")).json()["cases"]}
    for number, (name, verdict) in enumerate((("c0", "fraud"), ("c1", "legitimate"), ("c2", "legitimate"))):
        fill(api, api.cases.cases.get(listed[name]), f"a{number}", counted(f"k{number}", f"a{number}", probability=0.25))  # type: ignore[arg-type]
        api.now_ms = NOW_MS + HOUR * (number + 1)
        await api.client.post(f"/v1/cases/{listed[name]}:claim")
        api.now_ms += MINUTE
        reason = {"fraud": "stolen_card", "legitimate": "known"}[verdict]
        body = {"verdict": verdict, "reason": reason, "inputs": FRAUD["inputs"], "close": True}
        assert (await api.client.post(f"/v1/cases/{listed[name]}/verdicts", json=body)).status_code == 201
    found = (await api.client.get("/v1/cases:quality")).json()
    inbox = next(one for one in found["inboxes"] if one["inbox"] == "payments")
    assert (inbox["decided"], inbox["by_verdict"], inbox["open"], inbox["backlog_days"]) == (3, {"fraud": 1, "legitimate": 2}, 1, 0.5)
    assert inbox["claim_to_decision"] == {"cases": 3, "median_ms": MINUTE, "ninety_percent_ms": MINUTE}
    assert inbox["opening_to_decision"]["median_ms"] == 2 * HOUR + MINUTE
    assert (inbox["late_claims"], inbox["late_decisions"]) == (pytest.approx(2 / 3), 0.0)
    assert [(one["rule"], one["reviewed"], one["false_positive_rate"]) for one in found["rules"]] == [("a", 3, pytest.approx(2 / 3))]
    [model] = found["models"]
    assert (model["model"], model["reviewed"], model["precision"]) == ("shape", 3, pytest.approx(1 / 3))
    assert (model["told"], model["expected_frauds"], model["found_frauds"]) == (3, 0.75, 1)
    for bad in ({"since_ms": 5, "until_ms": 5}, {"since_ms": 0}, {"until_ms": -1}, {"since_ms": "x"}):
        assert (await api.client.get("/v1/cases:quality", params=bad)).status_code in (400, 422)
