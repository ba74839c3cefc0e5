"""Models are listed, compared, promoted by whoever may do so and only when nothing is needed, and rolled back."""

import json

import httpx
import numpy as np
import pytest
from api_imitation import TEXTS, Api

from stores.effects import GivenLabel, Work
from stores.offsets import Progress
from stores.scored_events import ScoredEvent, sample_place

DAY_MS = 86_400_000
NOW_MS = 20_000 * DAY_MS
CROSSED = "linear_model.CrossedLogisticRegression"
CHALLENGED = TEXTS["models"] + (
    "- {name: wider, kind: river, model: anomaly.GaussianScorer, scope: user, inputs: [event.amount], parameters: {grace_period: 9},"
    " challenges: own}\n"
    "- {name: alone, kind: river, model: anomaly.HalfSpaceTrees, inputs: [event.amount]}\n"
)


@pytest.fixture(autouse=True)
async def in_force(api: Api) -> None:
    """The policy names `own`, `wider` challenges it, and `alone` is scored beside."""
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=TEXTS | {"models": CHALLENGED})).raise_for_status()


async def headers_of(api: Api, name: str, *roles: str) -> dict[str, str]:
    made = await api.client.post("/v1/tokens", json={"name": name, "roles": roles})
    return {"authorization": f"Bearer {made.json()['token']}"}


def scored(api: Api, better: float, silent: int = 0, release: int | None = None) -> None:
    """1,500 events over ten days, of which 60 are fraud; `wider` tells them apart better by so many standard deviations."""
    draw = np.random.default_rng(5)
    fraud = np.arange(1_500) % 25 == 0
    own, wider = (1 / (1 + np.exp(-(draw.normal(size=1_500) + gap * fraud))) for gap in (1.5, 1.5 + better))
    id = api.in_force.require()[0].id if release is None else release
    events = []
    for at in range(1_500):
        at_ms, user = NOW_MS + (at % 10) * DAY_MS + at, f"u{at % 300}"
        place = sample_place(user, NOW_MS + (at % 10) * DAY_MS)
        scores = {"own": float(own[at]), "wider": None if at < silent else float(wider[at])}
        events.append(ScoredEvent(f"e{at}", user, at_ms, place, "approve", id, float(own[at]), scores, {}))
    labels = [GivenLabel(f"e{at}", "analyst", int(fraud[at]), 5) for at in range(1_500)]
    api.effects.apply(Work(Progress({}, {"decisions/0": 1}), scored=events, labels=labels, newest_ms=NOW_MS + 10 * DAY_MS), NOW_MS)


async def promote(api: Api, name: str = "wider", headers: dict[str, str] | None = None, **body: object) -> httpx.Response:
    return await api.client.post(f"/v1/models/{name}:promote", json=body, headers=headers)


async def standings(api: Api) -> dict[str, tuple[str, str, str]]:
    found = (await api.client.get("/v1/models:standings")).json()["models"]
    return {model["name"]: (model["standing"], model["place"], model["promoted_by"]) for model in found}


async def test_a_challenger_is_promoted_and_the_champion_before_challenges_it_until_it_is_rolled_back(api: Api) -> None:
    scored(api, better=1.0)
    assert await standings(api) == {"own": ("champion", "own", ""), "wider": ("challenger", "own", ""), "alone": ("beside", "", "")}
    before = api.in_force.require()[0]
    moved = (await promote(api, reason="better")).json()
    assert moved == {"release": before.id + 1, "place": "own", "champion": "wider", "before": "own"}
    after = api.in_force.require()[0]
    assert after.policy.models == ("wider",)
    assert [model.definition for model in after.models] == [model.definition for model in before.models]
    assert (await standings(api))["own"] == ("challenger", "own", "")
    assert (await standings(api))["wider"][:2] == ("champion", "own")
    back = (await api.client.post("/v1/models/own:roll_back", json={"reason": "worse after all"})).json()
    assert (back["champion"], back["before"], api.in_force.require()[0].policy.models) == ("own", "wider", ("own",))
    audit = json.dumps((await api.client.get("/v1/audit")).json())
    assert "wider decides in the place own, own before: better" in audit
    assert "own decides in the place own, wider before: worse after all" in audit


async def test_a_model_whose_bins_nobody_has_given_is_warned_of_once_and_shown_with_it(api: Api) -> None:
    crossed = "- {{name: {0}, model: {2}, learns: labels, inputs: [event.amount], parameters: {{{1}}}}}\n"
    models = CHALLENGED + crossed.format("unsaid", "fit_rows: 50", CROSSED) + crossed.format("said", "edges: [[10.0]]", CROSSED)
    put = (await api.client.post("/v1/releases", json=TEXTS | {"models": models})).json()
    [warning] = put["warnings"]
    assert "model unsaid: without edges the bins of event.amount are cut at quantiles of the first 50 labelled events" in warning
    shown = {model["name"]: model["warning"] for model in (await api.client.get("/v1/models:standings")).json()["models"]}
    assert {name: said for name, said in shown.items() if said} == {"unsaid": warning}
    again = (await api.client.post("/v1/releases", json=TEXTS | {"models": models + "# the same models\n"})).json()
    assert (again["changed"], again.get("warnings", [])) == (True, [])


async def test_models_are_compared_side_by_side_with_intervals(api: Api) -> None:
    scored(api, better=1.0)
    found = (await api.client.get("/v1/models:compare", params={"place": "own"})).json()
    assert (found["events"], found["frauds"], found["days"], found["drawn"]) == (1_500, 60, 10, "days")
    own, wider = found["models"]
    assert (own["name"], own["standing"], own["gains"], own["needed"]) == ("own", "champion", {}, [])
    assert (wider["standing"], wider["needed"]) == ("challenger", [])
    gain = wider["gains"]["auc"]
    assert 0.0 < gain["low"] < gain["value"] < gain["high"]
    assert sum(week["events"] for week in found["weeks"]) == 1_500
    assert all(week["models"]["wider"]["auc"] > week["models"]["own"]["auc"] for week in found["weeks"])
    assert (await api.client.get("/v1/models:compare", params={"place": "alone"})).status_code == 404
    bins = (await api.client.get("/v1/models:reliability")).json()["bins"]
    assert sum(each["events"] for each in bins) == 1_500
    assert all(each["least"] <= each["mean"] <= each["most"] and each["low"] <= each["share"] <= each["high"] for each in bins)


@pytest.mark.parametrize(
    ("better", "silent", "release", "needed"),
    [
        (-1.5, 0, None, "its ap is less than that of own"),
        (1.0, 100, None, "it has to score 99% of the events that own scored, and scored 93.3%"),
        (1.0, 0, 77, "at least 1,000 events of known outcome need a score of both models, and 0 have one"),
    ],
)
async def test_what_a_promotion_needs_is_measured_and_said_and_only_a_reason_overrides_it(
    api: Api, better: float, silent: int, release: int | None, needed: str
) -> None:
    scored(api, better, silent, release)
    refused = await promote(api)
    assert refused.status_code == 409
    assert any(need.startswith(needed) for need in refused.json()["needed"])
    assert (await promote(api, override=True)).status_code == 409
    assert (await promote(api, override=True, reason="an emergency")).status_code == 200
    assert "an emergency" in (await api.client.get("/v1/audit")).text


async def test_an_approver_promotes_who_did_not_store_the_models_and_an_author_may_roll_back(api: Api) -> None:
    scored(api, better=1.0)
    both, bob, ann = [
        await headers_of(api, name, *roles) for name, *roles in (("both", "author", "approver"), ("bob", "approver"), ("ann", "author"))
    ]
    text = CHALLENGED.replace("grace_period: 9", "grace_period: 8")
    await api.client.put("/v1/models", content=text, headers=both)
    hash = api.in_force.hashes["models"]
    versions = (await api.client.get("/v1/models/versions")).json()["versions"]
    fresh = next(version["hash"] for version in versions if version["hash"] != hash)
    assert (await api.client.post("/v1/models:activate", json={"hash": fresh}, headers=bob)).status_code == 200
    said = {"override": True, "reason": "a test"}
    for headers in (both, ann):
        assert (await promote(api, headers=headers, **said)).status_code == 403
    assert (await promote(api, headers=bob, **said)).status_code == 200
    assert (await standings(api))["wider"] == ("champion", "own", "bob")
    assert (await api.client.post("/v1/models/own:roll_back", headers=ann)).status_code == 200


async def test_what_leads_nowhere_is_refused_with_the_reason(api: Api) -> None:
    assert (await promote(api, "nobody")).status_code == 404
    assert "challenges none" in (await promote(api, "alone")).json()["detail"]
    assert (await api.client.post("/v1/models/nobody:roll_back")).status_code == 404
    assert (await api.client.post("/v1/models/own:roll_back")).status_code == 409
    (await promote(api, override=True, reason="a test")).raise_for_status()
    assert "already" in (await promote(api, override=True, reason="a test")).json()["detail"]
    gone = await api.client.put("/v1/models", content=TEXTS["models"])
    assert (gone.status_code, gone.json()["what"]) == (422, "champion is missing")
