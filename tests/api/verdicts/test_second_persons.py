"""What of a verdict needs two people, over HTTP: what waits, and who lets it be done or refuses it."""

import httpx
import pytest
from api_imitation import NOW_MS, TEXTS, Api
from cases_of_a_test import ALERTS_YAML, CASES_YAML, case, opened

from pipeline.engine.definitions.release import compile_release
from stores.casework.verdict_steps import StepState, StepWord, VerdictStep

REASON = {"reason": "called back"}


def step(verdict: str, number: int, what: StepWord, state: StepState) -> VerdictStep:
    return VerdictStep(f"{number:032x}", verdict, number, what, "c1", {}, NOW_MS, state)


@pytest.fixture
async def verdict(api: Api) -> str:
    """The id of a verdict by the owner of which the hold waits for a second person."""
    texts = TEXTS | {"alerts": ALERTS_YAML, "cases": CASES_YAML}
    api.in_force.install(compile_release(2, texts), texts)
    api.cases.cases.open(*opened(case(1)))
    id = (await api.client.get("/v1/cases")).json()["cases"][0]["id"]
    given = {"verdict": "fraud", "reason": "stolen_card", "inputs": {"called": True, "channel": "web"}}
    (await api.client.post(f"/v1/cases/{id}/verdicts", json=given)).raise_for_status()
    [stored] = api.verdicts.verdicts_of(id)
    assert api.stores.steps.plan(stored.id, [step(stored.id, 0, "hold", "waiting"), step(stored.id, 1, "list", "done")], ())
    return stored.id


async def second(api: Api) -> httpx.AsyncClient:
    token = (await api.client.post("/v1/tokens", json={"name": "bob", "roles": ["analyst"]})).json()["token"]
    return httpx.AsyncClient(transport=httpx.ASGITransport(api.app), base_url="http://api", headers={"authorization": f"Bearer {token}"})


@pytest.mark.parametrize(("verb", "state"), [("approve", "wanted"), ("refuse", "refused")])
async def test_a_second_person_judges_what_waits_once_and_nothing_else(api: Api, verdict: str, verb: str, state: str) -> None:
    assert [each["what"] for each in (await api.client.get("/v1/verdicts:waiting")).json()["steps"]] == ["hold"]
    assert (await api.client.post(f"/v1/verdicts/{verdict}:{verb}", json=REASON)).status_code == 403
    bob = await second(api)
    judged = (await bob.post(f"/v1/verdicts/{verdict}:{verb}", json=REASON)).json()["steps"]
    assert [(each["what"], each["state"], each["by"], each["outcome"]) for each in judged] == [
        ("hold", state, "bob", "called back"), ("list", "done", "", "")
    ]  # fmt: skip
    assert (await bob.get("/v1/verdicts:waiting")).json() == {"steps": [], "next": None}
    assert (await bob.post(f"/v1/verdicts/{verdict}:{verb}", json=REASON)).status_code == 409


async def test_nothing_of_an_undone_verdict_waits_or_is_judged(api: Api, verdict: str) -> None:
    case_id = api.verdicts.get(verdict).case_id
    (await api.client.post(f"/v1/cases/{case_id}/verdicts/{verdict}:undo", json={})).raise_for_status()
    assert (await api.client.get("/v1/verdicts:waiting")).json()["steps"] == []
    assert (await (await second(api)).post(f"/v1/verdicts/{verdict}:refuse", json=REASON)).status_code == 409
