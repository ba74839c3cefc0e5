"""Authors store definitions, and another person puts them in force."""

import httpx
import pytest
from api_imitation import TEXTS, Api

from api.definitions.approval import Approval
from foundation.content_hash import content_hash

REVIEW_ALL = TEXTS["policy"].replace("block", "review")
HASH = content_hash(REVIEW_ALL)
RENAMED = {
    "features": TEXTS["features"] + "- {name: sum_1h, template: sum, value: event.amount, window: 1h}\n",
    "models": TEXTS["models"].replace("[event.amount]", "[event.amount, feature.sum_1h]").replace("GaussianScorer", "HalfSpaceTrees")
    .replace(", scope: user", ""),
}  # fmt: skip


@pytest.fixture(autouse=True)
async def in_force(api: Api) -> None:
    """Release 1 comes from the registry, as in a system that was started once."""
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=TEXTS)).raise_for_status()


async def headers_of(api: Api, name: str, *roles: str) -> dict[str, str]:
    made = await api.client.post("/v1/tokens", json={"name": name, "roles": roles})
    return {"authorization": f"Bearer {made.json()['token']}"}


async def activated(api: Api, headers: dict[str, str], hash: str = HASH) -> httpx.Response:
    return await api.client.post("/v1/policy:activate", headers=headers, json={"hash": hash})


async def test_what_an_author_uploads_is_stored_and_not_in_force_before_another_person_approves_it(api: Api) -> None:
    ann, bob = await headers_of(api, "ann", "author"), await headers_of(api, "bob", "approver")
    stored = await api.client.put("/v1/policy", headers=ann, content=REVIEW_ALL)
    assert (stored.status_code, stored.json()) == (202, {"hash": HASH, "part": "policy", "in_force": False})
    assert api.in_force.texts["policy"] == TEXTS["policy"]
    refused = await activated(api, ann)
    assert (refused.status_code, "needs the role approver or admin" in refused.json()["detail"]) == (403, True)
    assert (await activated(api, bob)).status_code == 200
    assert api.in_force.texts["policy"] == REVIEW_ALL


async def test_who_is_author_and_approver_does_not_approve_its_own(api: Api) -> None:
    both, bob = await headers_of(api, "both", "author", "approver"), await headers_of(api, "bob", "approver")
    await api.client.put("/v1/policy", headers=both, content=REVIEW_ALL)
    refused = await activated(api, both)
    assert (refused.status_code, "both stored " in refused.json()["detail"]) == (403, True)
    assert (await activated(api, bob)).status_code == 200


async def test_what_was_in_force_once_may_be_put_back_by_any_one_approver(api: Api) -> None:
    both = await headers_of(api, "both", "author", "approver")
    await api.client.put("/v1/policy", headers=both, content=REVIEW_ALL)
    assert (await activated(api, await headers_of(api, "bob", "approver"))).status_code == 200
    await api.client.put("/v1/policy", content=TEXTS["policy"])
    assert (await activated(api, both)).status_code == 200


async def test_an_author_does_not_roll_back_and_an_approver_does(api: Api) -> None:
    await api.client.put("/v1/policy", content=REVIEW_ALL)
    first = (await api.client.get("/v1/releases")).json()["releases"][-1]["id"]
    ann, bob = await headers_of(api, "ann", "author"), await headers_of(api, "bob", "approver")
    assert (await api.client.post(f"/v1/releases/{first}:activate", headers=ann)).status_code == 403
    assert (await api.client.post(f"/v1/releases/{first}:activate", headers=bob)).status_code == 200


async def test_parts_that_only_fit_together_are_stored_and_approved_together(api: Api) -> None:
    ann, bob = await headers_of(api, "ann", "author"), await headers_of(api, "bob", "approver")
    stored = await api.client.post("/v1/releases", headers=ann, json=RENAMED)
    assert stored.status_code == 202
    assert stored.json()["features"]["added"] == ["sum_1h"]
    parts = stored.json()["parts"]
    assert (await api.client.post("/v1/releases:activate", headers=ann, json={"parts": parts})).status_code == 403
    approved = await api.client.post("/v1/releases:activate", headers=bob, json={"parts": parts})
    assert approved.status_code == 200, approved.text
    assert {part: api.in_force.texts[part] for part in RENAMED} == RENAMED
    said = [entry.fact() for entry in api.access.audit.walk()]
    assert [fact.by for fact in said if "releases" in fact.action and fact.phase == "outcome"][1:] == ["ann", "ann", "bob"]


async def test_what_was_stored_is_checked_again_with_what_is_in_force_when_it_is_approved(api: Api) -> None:
    ann, bob = await headers_of(api, "ann", "author"), await headers_of(api, "bob", "approver")
    text = TEXTS["policy"] + "# mine\n"
    await api.client.put("/v1/policy", headers=ann, content=text)
    models = TEXTS["models"].replace("name: own", "name: other")
    await api.client.post("/v1/releases", json={"models": models, "policy": TEXTS["policy"].replace("own", "other")})
    refused = await activated(api, bob, content_hash(text))
    assert (refused.status_code, refused.json()["what"]) == (422, "unknown model")


async def test_an_upload_to_what_was_changed_since_is_not_stored(api: Api) -> None:
    ann = await headers_of(api, "ann", "author")
    answer = await api.client.put("/v1/policy", headers=ann | {"if-match": '"another"'}, content=REVIEW_ALL)
    assert answer.status_code == 412
    assert (await activated(api, await headers_of(api, "bob", "approver"))).status_code == 404


async def test_a_team_of_one_puts_in_force_what_it_writes(api: Api) -> None:
    api.definitions.approval = Approval("one")
    ann = await headers_of(api, "ann", "author")
    assert (await api.client.put("/v1/policy", headers=ann, content=REVIEW_ALL)).status_code == 200
    assert (await activated(api, ann, content_hash(REVIEW_ALL))).status_code == 200


@pytest.mark.parametrize("body", [{"parts": {}}, {"parts": {"polcy": HASH}}, {"parts": {"policy": 7}}, {}, []])
async def test_an_approval_that_names_no_version_is_refused(api: Api, body: object) -> None:
    assert (await api.client.post("/v1/releases:activate", json=body)).status_code == 422


async def test_an_approval_of_what_nobody_stored_is_not_found(api: Api) -> None:
    assert (await api.client.post("/v1/releases:activate", json={"parts": {"policy": "0" * 64}})).status_code == 404
