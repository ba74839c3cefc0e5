"""Rules over HTTP: one person uploads, another approves, and what a rule may do changes by verbs alone."""

import httpx
import pytest
from api_imitation import TEXTS, Api

from foundation.content_hash import content_hash

RULE = "title: A great amount\nowner: team\nwhen: event.amount > 100.0\nthen: {action: block}\nstatus: shadow\n"
SMALLER = RULE.replace("100.0", "50.0")
HASH, SMALLER_HASH = content_hash(RULE), content_hash(SMALLER)


@pytest.fixture(autouse=True)
async def in_force(api: Api) -> None:
    """Release 1 comes from the registry, as in a system that was started once."""
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=TEXTS)).raise_for_status()


class Person:
    """Somebody with a token of its own."""

    def __init__(self, api: Api, headers: dict[str, str]) -> None:
        self._api = api
        self._headers = headers

    async def put(self, text: str = RULE, id: str = "great", **headers: str) -> httpx.Response:
        return await self._api.client.put(f"/v1/patterns/{id}", headers=self._headers | headers, content=text)

    async def say(self, verb: str, body: object = None, id: str = "great") -> httpx.Response:
        return await self._api.client.post(f"/v1/patterns/{id}:{verb}", headers=self._headers, json=body if body is not None else {})


async def person(api: Api, name: str, *roles: str) -> Person:
    made = await api.client.post("/v1/tokens", json={"name": name, "roles": roles})
    return Person(api, {"authorization": f"Bearer {made.json()['token']}"})


@pytest.fixture
async def ann(api: Api) -> Person:
    """An author."""
    return await person(api, "ann", "author")


@pytest.fixture
async def bob(api: Api) -> Person:
    """An approver."""
    return await person(api, "bob", "approver")


def shown(answer: httpx.Response) -> dict[str, object]:
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()["pattern"]
    return found


async def test_a_rule_goes_from_upload_to_active_and_each_step_is_in_force(api: Api, ann: Person, bob: Person) -> None:
    assert shown(await ann.put())["status"] == "shadow"
    refused = await bob.say("activate")
    assert (refused.status_code, "not approved" in refused.json()["detail"]) == (409, True)
    assert (await ann.say("approve", {"hash": HASH})).status_code == 403
    assert shown(await bob.say("approve", {"hash": HASH}))["approved_by"] == "bob"
    assert (await ann.say("activate")).status_code == 403
    canary = shown(await bob.say("canary", {"share": 0.25}))
    assert (canary["status"], canary["share"]) == ("canary", 0.25)
    assert shown(await bob.say("activate"))["status"] == "active"
    assert api.in_force.release is not None
    [rule] = api.in_force.release.rules.each
    assert (rule.pattern, rule.action) == ("great", "block")


async def test_a_new_text_of_a_rule_that_acts_waits_for_another_person(api: Api, ann: Person, bob: Person) -> None:
    await ann.put()
    await bob.say("approve", {"hash": HASH})
    await bob.say("activate")
    waits = await ann.put(SMALLER)
    assert (waits.status_code, waits.json()["parts"]) == (202, {"pattern:great": SMALLER_HASH})
    assert (await api.client.get("/v1/patterns/great")).text == RULE
    now = shown(await bob.say("approve", {"hash": SMALLER_HASH}))
    assert (now["status"], now["hash"], now["approved_by"]) == ("active", SMALLER_HASH, "bob")
    assert (await api.client.get("/v1/patterns/great")).text == SMALLER


async def test_a_new_text_of_a_rule_that_one_which_acts_extends_waits_too(api: Api, ann: Person, bob: Person) -> None:
    """What a rule that acts takes over from another is a part of what was approved."""
    await ann.put()
    child = "title: Greater\nextends: great\nparameters: {}\nstatus: shadow\n"
    assert shown(await ann.put(child, "greater"))["status"] == "shadow"
    assert (await ann.put(SMALLER)).status_code == 200
    await bob.say("approve", {"hash": content_hash(child)}, "greater")
    await bob.say("activate", id="greater")
    assert (await ann.put(RULE)).status_code == 202
    assert (await api.client.get("/v1/patterns/great")).text == SMALLER


async def test_a_new_text_of_a_rule_that_watches_counts_at_once_and_loses_the_approval(ann: Person, bob: Person) -> None:
    await ann.put()
    await bob.say("approve", {"hash": HASH})
    assert shown(await ann.put(SMALLER))["approved_by"] == ""
    assert (await bob.say("activate")).status_code == 409


async def test_who_may_act_alone_uploads_and_activates_in_one_go_and_stays_active_under_a_new_text(api: Api) -> None:
    await api.client.put("/v1/patterns/great", content=RULE)
    active = await api.client.post("/v1/patterns/great:activate")
    assert shown(active)["approved_by"] == "owner"
    assert shown(await api.client.put("/v1/patterns/great", content=SMALLER))["status"] == "active"


async def test_a_rule_goes_back_to_a_text_that_was_approved_and_keeps_its_status(ann: Person, bob: Person) -> None:
    await ann.put()
    await bob.say("approve", {"hash": HASH})
    await bob.say("activate")
    await ann.put(SMALLER)
    await bob.say("approve", {"hash": SMALLER_HASH})
    back = shown(await bob.say("roll_back", {"hash": HASH}))
    assert (back["status"], back["hash"], back["approved_by"]) == ("active", HASH, "bob")
    await ann.put(SMALLER.replace("50.0", "5.0"))
    assert (await bob.say("roll_back", {"hash": content_hash(SMALLER.replace("50.0", "5.0"))})).status_code == 409


async def test_a_push_of_texts_activates_nothing_and_ends_no_canary(api: Api, ann: Person, bob: Person) -> None:
    await ann.put()
    await bob.say("approve", {"hash": HASH})
    await bob.say("canary", {"share": 0.5})
    pushed = {"pattern:great": RULE.replace("shadow", "active"), "pattern:other": RULE.replace("shadow", "active")}
    (await api.client.post("/v1/releases", json=pushed)).raise_for_status()
    rules = {rule["id"]: rule for rule in (await api.client.get("/v1/patterns")).json()["patterns"]}
    assert (rules["great"]["status"], rules["great"]["share"]) == ("canary", 0.5)
    assert rules["other"]["status"] == "shadow"


async def test_a_folder_is_taken_whole_or_not_at_all(api: Api, ann: Person) -> None:
    bad = {"great": RULE, "worse": RULE.replace("event.amount", "event.amuont")}
    refused = await api.client.post("/v1/patterns:upload", json={"patterns": bad})
    assert refused.status_code == 422
    assert "event.amount" in refused.text
    assert (await api.client.get("/v1/patterns")).json()["patterns"] == []
    good = await api.client.post("/v1/patterns:upload", json={"patterns": {"great": RULE, "other": SMALLER}})
    assert good.status_code == 200
    assert [rule["id"] for rule in (await api.client.get("/v1/patterns")).json()["patterns"]] == ["great", "other"]


async def test_a_rule_that_was_changed_since_it_was_read_is_not_overwritten(ann: Person) -> None:
    await ann.put()
    assert (await ann.put(SMALLER, **{"if-match": f'"{SMALLER_HASH}"'})).status_code == 412
    assert (await ann.put(SMALLER, **{"if-match": f'"{HASH}"'})).status_code == 200


async def test_only_drafts_and_retired_rules_are_removed_and_their_texts_can_be_read_on(api: Api, ann: Person, bob: Person) -> None:
    await ann.put()
    assert (await api.client.delete("/v1/patterns/great")).status_code == 409
    assert shown(await bob.say("retire"))["status"] == "retired"
    assert (await bob.say("shadow")).status_code == 409
    assert (await api.client.delete("/v1/patterns/great")).status_code == 200
    assert (await api.client.get("/v1/patterns/great")).status_code == 404
    assert (await api.client.get(f"/v1/patterns/great/versions/{HASH}")).text == RULE


async def test_versions_are_listed_and_compared(api: Api, ann: Person) -> None:
    await ann.put()
    await ann.put(SMALLER)
    versions = (await api.client.get("/v1/patterns/great/versions")).json()["versions"]
    assert {version["hash"]: version["by"] for version in versions} == {HASH: "ann", SMALLER_HASH: "ann"}
    diff = (await api.client.get(f"/v1/patterns/great/diff?from={HASH}")).json()["diff"]
    assert "-when: event.amount > 100.0" in diff
    assert "+when: event.amount > 50.0" in diff


@pytest.mark.parametrize("share", [0, -1, 1.5, "half", None])
async def test_a_canary_has_a_share_above_0_and_up_to_1(ann: Person, bob: Person, share: object) -> None:
    await ann.put()
    await bob.say("approve", {"hash": HASH})
    assert (await bob.say("canary", {"share": share})).status_code == (200 if share is None else 422)


@pytest.mark.parametrize(("verb", "body"), [("pause", {}), ("approve", {"hash": HASH}), ("roll_back", {"hash": HASH})])
async def test_a_rule_that_is_not_there_is_not_found(bob: Person, verb: str, body: object) -> None:
    assert (await bob.say(verb, body)).status_code == 404


@pytest.mark.parametrize("id", ["Great", "9lives", "a-b", "x" * 64])
async def test_an_id_that_no_rule_may_have_is_refused(ann: Person, id: str) -> None:
    assert (await ann.put(id=id)).status_code == 422


async def test_each_step_is_in_the_audit_log_with_what_it_changed(api: Api, ann: Person, bob: Person) -> None:
    await ann.put()
    await bob.say("approve", {"hash": HASH})
    await bob.say("activate")
    subjects = [entry.fact().subject for entry in api.access.audit.walk()]
    assert any("rule great activate: shadow to active" in subject for subject in subjects)
