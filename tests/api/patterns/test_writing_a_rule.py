"""Who writes a rule learns what it may say, what its tests give while they type, and where the rule may go."""

from typing import Any

import pytest
from api_imitation import NOW_MS, TEXTS, Api

from stores.tokens import StoredToken, token_hash

RULE = """title: Large
owner: team
status: shadow
when: event.amount > 100.0 && feature.count_1h < 9.0
tests:
  - {name: a large one, events: [{id: 1, at: 0s, customer: c, terminal: t, amount: 200}], expect: {matches: 1}}
  - {name: a small one, events: [{id: 1, at: 0s, customer: c, terminal: t, amount: 20}], expect: {matches: 1}}
"""


@pytest.fixture(autouse=True)
async def in_force(api: Api) -> None:
    api.in_force.release, api.in_force.texts = None, {}
    (await api.client.post("/v1/releases", json=TEXTS)).raise_for_status()


def headers(api: Api, *roles: str) -> dict[str, str]:
    name = "-".join(roles)
    api.access.tokens.add(StoredToken(name, token_hash(f"token-of-{name}"), roles, "owner", NOW_MS))
    return {"authorization": f"Bearer token-of-{name}"}


async def outcome_of(api: Api, text: str, id: str = "large") -> tuple[int, dict[str, Any]]:
    answer = await api.client.post("/v1/patterns:test", json={"id": id, "text": text})
    return answer.status_code, answer.json()


async def test_each_test_says_whether_it_passed_and_nothing_is_stored_or_audited(api: Api) -> None:
    noted = len(api.access.audit.page(None, 100))
    status, found = await outcome_of(api, RULE)
    assert status == 200
    given = [(each["name"], each["line"], each["passed"]) for each in found["tests"]]
    assert given == [("a large one", 6, True), ("a small one", 7, False)]
    assert found["tests"][1]["problem"] == "expected 1 match, got 0"
    assert 0 < found["cost_ns"] < found["cost_ns_max"]
    assert (await api.client.get("/v1/patterns")).json()["patterns"] == []
    assert len(api.access.audit.page(None, 100)) == noted


async def test_a_text_that_does_not_compile_is_refused_with_line_and_column(api: Api) -> None:
    status, found = await outcome_of(api, RULE.replace("event.amount", "event.amuont"))
    assert (status, found["where"]) == (422, "patterns/large.yaml:4:13")
    assert (await outcome_of(api, "- no rule"))[0] == 422
    assert (await outcome_of(api, RULE, id="../schema"))[0] == 422
    assert (await outcome_of(api, "extends: nobody\ntitle: Another\nstatus: draft\n"))[0] == 422


async def test_the_vocabulary_has_the_form_of_the_file_and_the_names_of_the_release(api: Api) -> None:
    found = (await api.client.get("/v1/patterns:vocabulary")).json()
    types = {each["name"]: each["type"] for each in found["names"]}
    assert (types["event.amount"], types["feature.count_1h"], types["entity.customer.vip"]) == ("double", "double", "bool")
    assert "sequence" in found["file"]["$defs"]["PatternForm"]["properties"]
    assert "startsWith" in found["functions"]


async def test_moves_are_those_that_lead_somewhere_and_say_what_is_in_the_way_of_the_caller(api: Api) -> None:
    (await api.client.put("/v1/patterns/large", content=RULE)).raise_for_status()

    async def moves(*roles: str) -> dict[str, str]:
        answer = (await api.client.get("/v1/patterns/large/moves", headers=headers(api, *roles))).json()
        return {each["verb"]: each["why"] for each in answer["moves"]}

    unapproved = "its text has to be approved before"
    assert await moves("author") == {
        "canary": "only an approver may say this", "activate": "only an approver may say this", "pause": "",
        "retire": "only an approver may say this",
    }  # fmt: skip
    assert await moves("approver") == {"canary": unapproved, "activate": unapproved, "pause": "", "retire": ""}
    assert set((await moves("admin")).values()) == {""}
    assert (await api.client.get("/v1/patterns/none/moves")).status_code == 404
