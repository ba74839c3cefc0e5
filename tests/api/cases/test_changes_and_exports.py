"""Alerts and cases are pulled by their changes, and exports leave out what their caller may not see."""

from alerts_of_a_test import alert
from api_imitation import NOW_MS, Api
from cases_of_a_test import case, opened

from stores.casework.alerts import AlertWork
from stores.casework.inboxes import Inbox


async def test_who_keeps_a_copy_of_alerts_gets_what_changed_since(api: Api) -> None:
    ids = [f"{number:032x}" for number in range(3)]
    api.alerts.write(AlertWork([alert(id, changed_at_ms=NOW_MS) for id in ids], (), (), (), at_ms=NOW_MS))
    assert (await api.client.get("/v1/alerts:changes")).json()["alerts"] == []
    api.now_ms += 2_000
    first = (await api.client.get("/v1/alerts:changes", params={"limit": 2})).json()
    rest = (await api.client.get("/v1/alerts:changes", params={"cursor": first["next"]})).json()
    assert [one["id"] for one in first["alerts"] + rest["alerts"]] == ids
    api.alerts.write(AlertWork([alert(ids[1], changed_at_ms=api.now_ms, version=2)], (), (), (), at_ms=api.now_ms))
    api.now_ms += 5_000
    later = (await api.client.get("/v1/alerts:changes", params={"cursor": rest["next"]})).json()
    assert [(one["id"], one["version"]) for one in later["alerts"]] == [(ids[1], 2)]
    assert (await api.client.get("/v1/alerts:changes", params={"cursor": later["next"]})).json() == {"alerts": [], "next": later["next"]}


async def test_cases_are_pulled_without_those_of_inboxes_that_are_not_the_callers(api: Api) -> None:
    for number in range(3):
        api.cases.cases.open(*opened(case(number, inbox="logins" if number == 1 else "payments")))
    api.inboxes.put(Inbox("logins", (), ("bob",), 1, "owner", NOW_MS))
    token = (await api.client.post("/v1/tokens", json={"name": "ana", "roles": ["analyst"]})).json()["token"]
    ana = {"authorization": f"Bearer {token}"}
    seen = (await api.client.get("/v1/cases:changes", headers=ana)).json()
    assert [one["id"] for one in seen["cases"]] == [case(0).id, case(2).id]
    assert len((await api.client.get("/v1/cases:changes")).json()["cases"]) == 3
    assert (await api.client.get("/v1/cases:changes", params={"cursor": seen["next"]}, headers=ana)).json()["cases"] == []
    job = await api.client.post("/v1/exports", json={"what": "cases", "format": "json_lines", "hidden": []}, headers=ana)
    assert (job.status_code, job.json()["parameters"]["hidden"]) == (202, ["logins"])


async def test_an_export_that_makes_no_sense_is_refused(api: Api) -> None:
    for bad in ({"what": "secrets"}, {"what": "alerts", "from": 5}, {"format": "csv"}):
        assert (await api.client.post("/v1/exports", json=bad)).status_code == 422
