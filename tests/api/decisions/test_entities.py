from urllib.parse import quote

import msgspec
import pytest
from api_imitation import NOW_MS, Api

from stores.decisions import StoredDecision


def keep(api: Api, number: int, action: str, score: float | None = 0.5, id: str = "c/1") -> None:
    """A decision on an event of customer `id`, `number` ms after the first."""
    value = msgspec.json.encode({"event_id": str(number), "action": action, "features": {"count_1h": float(number), "none": None}})
    keys = (("customer", id), ("terminal", "t1"))
    api.decisions.write([StoredDecision(str(number), 0, NOW_MS - 100 + number, b"%04d" % number, keys, score, action, 1, value)])


async def test_a_profile_has_the_latest_score_the_newest_features_and_the_newest_decisions(api: Api) -> None:
    for number, action in enumerate(["approve", "block", "review", "approve"]):
        keep(api, number, action)
    body = (await api.client.get("/v1/entities/customer/c%2F1?limit=3")).json()
    recent = body.pop("recent")
    assert body == {
        "entity": "customer", "id": "c/1", "score": 0.5, "action": "approve", "event_id": "3", "event_time": NOW_MS - 97, "age_ms": 97,
        "features": {"count_1h": 3.0, "none": None},
        "remembered": {"facts": [], "notes": [], "verdicts": [], "cases": []},
    }  # fmt: skip
    assert recent["actions"] == {"approve": 1, "review": 1, "block": 1}
    assert [decision["event_id"] for decision in recent["decisions"]] == ["3", "2", "1"]
    rest = (await api.client.get("/v1/entities/customer/c%2F1/decisions", params={"before": recent["next"]})).json()
    assert [decision["event_id"] for decision in rest["decisions"]] == ["0"]


@pytest.mark.parametrize("path", ["customer/nobody", "nothing/c1", "customer/" + "x" * 5_000, "customer/%00", "customer/..%2f.."])
async def test_a_profile_of_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    keep(api, 1, "approve")
    answer = await api.client.get(f"/v1/entities/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "id", ["a/decisions", "decisions", "a/decisions/decisions", "/decisions", "a%2Fdecisions", "100%", "é/ü", "a//b?c#d"]
)
async def test_an_entity_is_found_by_its_id_whatever_that_holds(api: Api, id: str) -> None:
    keep(api, 1, "approve", id=id)
    keep(api, 2, "approve", id="a")
    path = f"/v1/entities/customer/{quote(id, safe='')}"
    assert (await api.client.get(path)).json()["id"] == id
    page = (await api.client.get(f"{path}/decisions")).json()
    assert [decision["event_id"] for decision in page["decisions"]] == ["1"]


async def test_plain_slashes_of_an_id_may_stay_unless_decisions_follows(api: Api) -> None:
    keep(api, 1, "approve", id="a/b")
    keep(api, 2, "approve", id="a/decisions")
    assert (await api.client.get("/v1/entities/customer/a/b")).json()["event_id"] == "1"
    assert (await api.client.get("/v1/entities/%63ustomer/a/b")).json()["entity"] == "customer"
    for path, ids in (("a/b/decisions", ["1"]), ("a/decisions/decisions", ["2"]), ("a/decisions", [])):
        page = (await api.client.get(f"/v1/entities/customer/{path}")).json()
        assert [decision["event_id"] for decision in page["decisions"]] == ids


@pytest.mark.parametrize("features", [b'{"a": "x"}', b"[]", b'{"a": ' + b"[" * 900 + b"]" * 900 + b"}"])
async def test_a_profile_whose_newest_decision_has_features_that_are_no_numbers_has_none(api: Api, features: bytes) -> None:
    value = b'{"event_id": "1", "action": "block", "features": ' + features + b"}"
    api.decisions.write([StoredDecision("1", 0, NOW_MS, b"1", (("customer", "c"),), 0.5, "block", 1, value)])
    answer = await api.client.get("/v1/entities/customer/c")
    assert (answer.status_code, answer.json()["features"], answer.json()["score"]) == (200, {}, 0.5)
