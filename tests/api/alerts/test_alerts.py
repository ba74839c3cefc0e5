"""Alerts and silences over HTTP."""

import pathlib

import fastapi
import httpx
import msgspec
import pytest
from alerts_of_a_test import alert
from api_imitation import NOW_MS, Api
from databases_of_a_test import database_in

from alerts.alertmanager.silences import AlertmanagerSilences
from api.alerts.alert_routes import make_alert_routes
from stores.casework.alerts import Alert, AlertEvent, AlertWork, Silence
from stores.relational.casework.alerts import RelationalAlerts

HOUR_MS = 3_600_000


def id_of(number: int) -> str:
    return f"{number:032x}"


def write(api: Api, *alerts: Alert, events: list[AlertEvent] | None = None) -> None:
    api.alerts.write(AlertWork(alerts, events or (), (), ()))


async def header_of(api: Api, role: str) -> dict[str, str]:
    token = await api.client.post("/v1/tokens", json={"name": role, "roles": [role]})
    return {"authorization": f"Bearer {token.json()['token']}"}


async def test_alerts_come_by_pages_newest_first(api: Api) -> None:
    write(api, *(alert(id_of(number), opened_at_ms=NOW_MS + number // 2) for number in range(7)))
    found: list[str] = []
    cursor = None
    while True:
        page = (await api.client.get("/v1/alerts", params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        found += [one["id"] for one in page["alerts"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == [id_of(number) for number in reversed(range(7))]


async def test_alerts_are_found_by_state_kind_and_entity(api: Api) -> None:
    ended = alert(id_of(1), state="resolved", resolved_at_ms=NOW_MS)
    write(api, ended, alert(id_of(2), card="c/2"), alert(id_of(3), name="burst"))

    async def ids(**parameters: str) -> list[str]:
        return [one["id"] for one in (await api.client.get("/v1/alerts", params=parameters)).json()["alerts"]]

    assert await ids(state="resolved") == [id_of(1)]
    assert await ids(name="burst") == [id_of(3)]
    assert await ids(entity="card", id="c/2") == [id_of(2)]


@pytest.mark.parametrize(
    "bad",
    [{"state": "open"}, {"entity": "card"}, {"id": "c1"}, {"cursor": "x"}, {"cursor": "1.zz"}, {"limit": 0}, {"limit": 501}, {"x": 1}],
)
async def test_a_question_that_makes_no_sense_is_refused(api: Api, bad: dict[str, str]) -> None:
    assert (await api.client.get("/v1/alerts", params=bad)).status_code in (400, 422)


async def test_an_alert_is_shown_without_what_only_the_system_needs(api: Api) -> None:
    write(api, alert(id_of(1), reasons=("<script>",)))
    answer = await api.client.get(f"/v1/alerts/{id_of(1)}")
    assert (answer.json()["reasons"], answer.json()["loss"], answer.headers["etag"]) == (["<script>"], 10.5, '"1"')
    assert "fingerprint" not in answer.json()
    assert (await api.client.get(f"/v1/alerts/{id_of(1)}", headers={"if-none-match": '"1"'})).status_code == 304
    for missing in (id_of(2), "x", "%00"):
        assert (await api.client.get(f"/v1/alerts/{missing}")).status_code == 404


async def test_all_events_of_an_alert_come_by_pages(api: Api) -> None:
    events = [AlertEvent("attack", f"k{number}", 0, id_of(1), 1.0, "u1", f"e{number}", NOW_MS) for number in range(5)]
    write(api, alert(id_of(1)), events=events)
    path = f"/v1/alerts/{id_of(1)}/events"
    first = (await api.client.get(path, params={"limit": 3})).json()
    rest = (await api.client.get(path, params={"limit": 3, "cursor": first["next"]})).json()
    assert [event["event_id"] for event in first["events"] + rest["events"]] == [f"e{number}" for number in range(5)]
    assert rest["next"] is None


async def test_a_silence_is_made_listed_and_ended(api: Api) -> None:
    analyst = await header_of(api, "analyst")
    body = {"matchers": {"card": "c1"}, "until_ms": NOW_MS + HOUR_MS, "comment": "a test of the bank"}
    made = await api.client.post("/v1/silences", json=body, headers=analyst)
    assert (made.status_code, made.json()["by"], made.json()["from_ms"]) == (201, "analyst", NOW_MS)
    assert (await api.client.get("/v1/silences")).json()["silences"] == [made.json()]
    ended = await api.client.delete(f"/v1/silences/{made.json()['id']}")
    assert (ended.json()["until_ms"], (await api.client.get("/v1/silences")).json()["silences"]) == (NOW_MS, [])
    assert (await api.client.delete(f"/v1/silences/{made.json()['id']}")).status_code == 404


async def test_silences_of_an_alertmanager_that_does_not_answer_keep_nobody_from_the_others(tmp_path: pathlib.Path) -> None:
    database = database_in(tmp_path)
    RelationalAlerts(database).silence(Silence("s" * 32, {"card": "c1"}, 0, NOW_MS + 1, "ana", "why"))
    elsewhere = AlertmanagerSilences("http://127.0.0.1:1")
    app = fastapi.FastAPI(routes=make_alert_routes(RelationalAlerts(database), elsewhere, lambda: NOW_MS / 1_000).routes)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        found = (await client.get("/v1/silences")).json()
    database.close()
    assert [one["id"] for one in found["silences"]] == ["s" * 32]
    assert found["alertmanager"] == [] and "does not answer" in found["alertmanager_fault"]


@pytest.mark.parametrize(
    "change",
    [
        {"matchers": {}},
        {"matchers": {"": "x"}},
        {"matchers": {"card": ""}},
        {"matchers": {"card": "x" * 2_000}},
        {"matchers": {f"m{number}": "x" for number in range(11)}},
        {"until_ms": NOW_MS},
        {"until_ms": NOW_MS + 200 * 24 * HOUR_MS},
        {"comment": ""},
        {"comment": "x" * 501},
        {"by": "somebody else"},
    ],
)
async def test_what_is_no_silence_is_refused(api: Api, change: dict[str, object]) -> None:
    body = {"matchers": {"card": "c1"}, "until_ms": NOW_MS + HOUR_MS, "comment": "why"} | change
    answer = await api.client.post("/v1/silences", json=body)
    assert answer.status_code == 422 and answer.json()["where"]


async def test_readers_read_alerts_and_silence_none(api: Api) -> None:
    reader = await header_of(api, "reader")
    assert (await api.client.get("/v1/alerts", headers=reader)).status_code == 200
    body = {"matchers": {"card": "c1"}, "until_ms": NOW_MS + HOUR_MS, "comment": "why"}
    assert (await api.client.post("/v1/silences", json=body, headers=reader)).status_code == 403


async def test_an_alert_of_an_older_form_can_be_read(api: Api) -> None:
    """What is stored as JSON may lack fields that came later."""
    older = msgspec.to_builtins(alert(id_of(1)))
    assert msgspec.convert({name: older[name] for name in older if name not in ("muted_by", "resolution")}, Alert) == alert(id_of(1))
