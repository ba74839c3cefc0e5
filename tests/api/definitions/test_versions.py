import asyncio

import msgspec
import pytest
from api_imitation import TEXTS, Api

from foundation.content_hash import content_hash
from patterns.lists import DECLARATION

REVIEW_ALL = TEXTS["policy"].replace("block", "review")
MORE_FEATURES = TEXTS["features"] + "- {name: sum_1h, template: sum, value: event.amount, window: 1h}\n"


async def begin(api: Api) -> None:
    """Release 1 by upload."""
    api.in_force.release, api.in_force.texts = None, {}
    assert (await api.client.post("/v1/releases", json=TEXTS)).json()["release"] == 1


async def test_a_version_is_kept_without_being_in_force_and_put_in_force_by_its_hash(api: Api) -> None:
    await begin(api)
    kept = (await api.client.post("/v1/policy/versions", content=REVIEW_ALL)).json()
    assert kept == {"hash": content_hash(REVIEW_ALL), "part": "policy", "in_force": False}
    assert api.in_force.release.id == 1
    assert (await api.client.get(f"/v1/policy/versions/{kept['hash']}")).text == REVIEW_ALL
    answer = (await api.client.post("/v1/policy:activate", json={"hash": kept["hash"]})).json()
    assert (answer["release"], answer["hash"], api.in_force.texts) == (2, kept["hash"], TEXTS | {"policy": REVIEW_ALL})


async def test_a_version_that_does_not_fit_the_rest_in_force_is_refused_and_not_kept(api: Api) -> None:
    await begin(api)
    answer = await api.client.post("/v1/policy/versions", content=TEXTS["policy"].replace("own", "other"))
    assert (answer.status_code, answer.json()["what"]) == (422, "unknown model")
    assert len((await api.client.get("/v1/policy/versions")).json()["versions"]) == 1


async def test_versions_are_listed_with_by_whom_when_and_the_releases_that_used_them(api: Api) -> None:
    await begin(api)
    api.now_ms += 1_000
    await api.client.put("/v1/policy", content=REVIEW_ALL)
    await api.client.put("/v1/policy", content=TEXTS["policy"])
    newest, oldest = (await api.client.get("/v1/policy/versions")).json()["versions"]
    assert (newest["hash"], newest["by"], newest["at_ms"], newest["releases"]) == (content_hash(REVIEW_ALL), "owner", api.now_ms, [2])
    assert (oldest["hash"], oldest["releases"]) == (content_hash(TEXTS["policy"]), [3, 1])


@pytest.mark.parametrize("path", ["/v1/policy/versions/" + "0" * 64, "/v1/policy/diff?from=0", "/v1/releases/9", "/v1/releases/8388607"])
async def test_what_was_never_uploaded_is_not_found(api: Api, path: str) -> None:
    await begin(api)
    assert (await api.client.get(path)).status_code == 404
    assert (await api.client.post("/v1/policy:activate", json={"hash": content_hash(TEXTS["schema"])})).status_code == 404
    assert (await api.client.post("/v1/releases/9:activate")).status_code == 404


async def test_a_diff_shows_the_lines_and_of_features_what_came_changed_and_went(api: Api) -> None:
    await begin(api)
    await api.client.put("/v1/features", content=MORE_FEATURES)
    before, after = content_hash(TEXTS["features"]), content_hash(MORE_FEATURES)
    answer = (await api.client.get("/v1/features/diff", params={"from": before})).json()
    assert (answer["from"], answer["to"]) == (before, after)
    assert "+- {name: sum_1h, template: sum, value: event.amount, window: 1h}\n" in answer["diff"]
    assert answer["features"] == {"added": ["sum_1h"], "changed": [], "removed": []}
    back = (await api.client.get("/v1/features/diff", params={"from": after, "to": before})).json()
    assert back["features"]["removed"] == ["sum_1h"]


async def test_rolling_back_makes_a_new_release_with_the_parts_of_the_old_one(api: Api) -> None:
    await begin(api)
    await api.client.put("/v1/lists/blocked", content="card-1\n")
    await api.client.put("/v1/features", content=MORE_FEATURES)
    answer = (await api.client.post("/v1/releases/2:activate")).json()
    assert (answer["release"], answer["features"]["removed"]) == (4, ["sum_1h"])
    assert api.in_force.texts == TEXTS | {"list:blocked": DECLARATION}
    assert (await api.client.get("/v1/releases/4")).json()["parts"] == (await api.client.get("/v1/releases/2")).json()["parts"]
    assert (await api.client.post("/v1/releases/4:activate")).json()["changed"] is False


async def test_rolling_back_neither_brings_a_bypass_nor_ends_one(api: Api) -> None:
    """Authors may roll back, and only approvers may switch the bypass."""
    await begin(api)
    await api.client.post("/v1/policy:bypass", json={"mode": "approve_all", "reason": "drill"})
    await api.client.post("/v1/releases/1:activate")
    assert (await api.client.get("/v1/policy:bypass")).json()["mode"] == "approve_all"
    await api.client.post("/v1/policy:bypass", json={"mode": "off", "reason": "over"})
    await api.client.post("/v1/releases/2:activate")
    assert (await api.client.get("/v1/policy:bypass")).json()["mode"] == "off"


async def test_the_releases_come_in_pages(api: Api) -> None:
    await begin(api)
    for text in (REVIEW_ALL, TEXTS["policy"]):
        await api.client.put("/v1/policy", content=text)
    page = (await api.client.get("/v1/releases?limit=2")).json()
    assert ([release["id"] for release in page["releases"]], page["next"]) == ([3, 2], 2)
    rest = (await api.client.get("/v1/releases", params={"limit": 2, "before": page["next"]})).json()
    assert ([release["id"] for release in rest["releases"]], rest["next"]) == ([1], None)


async def test_a_change_of_what_another_changed_meanwhile_is_not_made(api: Api) -> None:
    await begin(api)
    path = "/v1/policy"
    old = (await api.client.get(path)).headers["etag"]
    text = (await api.client.get(path)).text + "# more\n"
    answers = await asyncio.gather(*(api.client.put(path, content=text, headers={"if-match": old}) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 412]  # the same text twice: the second one is late
    new = (await api.client.get(path)).headers["etag"]
    assert new != old
    assert next(answer for answer in answers if answer.status_code == 200).headers["etag"] == new
    late = await api.client.post(f"{path}:activate", json={"hash": old.strip('"')}, headers={"if-match": old})
    assert (late.status_code, late.headers["content-type"], late.json()["in_force"]) == (412, "application/problem+json", new.strip('"'))
    assert (await api.client.post(f"{path}:activate", json={"hash": old.strip('"')}, headers={"if-match": new})).status_code == 200
    assert (await api.client.get(path)).headers["etag"] == old


async def test_who_has_what_is_in_force_is_told_so_and_sent_nothing(api: Api) -> None:
    await begin(api)
    tag = (await api.client.get("/v1/policy")).headers["etag"]
    for given in (tag, f'W/"x", {tag}', "*"):
        answer = await api.client.get("/v1/policy", headers={"if-none-match": given})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert (await api.client.get("/v1/policy", headers={"if-none-match": '"x"'})).text == TEXTS["policy"]


async def test_a_version_of_a_feature_called_versions_is_not_taken_for_a_version_of_the_part(api: Api) -> None:
    await begin(api)
    await api.client.put("/v1/features", content=TEXTS["features"] + "- {name: versions, template: age}\n")
    assert (await api.client.get("/v1/features/versions/versions")).json()["versions"][0]["release"] == 2


@pytest.mark.parametrize(
    ("body", "status", "where"),
    [(b"{", 400, "activation"), (b"[]", 422, "activation"), (b'{"hash": 5}', 422, "hash"), (b'{"hash": "x", "force": true}', 422, "force")],
)
async def test_a_bad_activation_is_refused_by_the_name_of_its_part(api: Api, body: bytes, status: int, where: str) -> None:
    answer = await api.client.post("/v1/policy:activate", content=body)
    assert (answer.status_code, answer.json()["where"]) == (status, where)


async def test_releases_declare_lists_and_the_control_topic_gets_none_of_their_entries(api: Api) -> None:
    await begin(api)
    await api.client.put("/v1/lists/blocked", content="card-1\n")
    await api.client.post("/v1/releases", json={"list:blocked": "card-1\ncard-2\n", "list:allowed": "card-3\n"})
    written = api.log.of("control")
    assert not any(b"card-" in (value or b"") for _, value in written)
    parts = msgspec.json.decode(written[-1][1])["parts"]
    assert parts["list:blocked"] == parts["list:allowed"] == content_hash(DECLARATION)


async def test_a_release_of_an_older_version_that_holds_entries_is_gone_back_to_and_only_declares(api: Api) -> None:
    await begin(api)
    old = api.registry.put("list:blocked", "card-1\n", "ann", 1)
    stored = api.registry.release({**api.registry.newest().parts, "list:blocked": old}, "ann", 1)
    api.registry.published(stored)
    answer = await api.client.post(f"/v1/releases/{stored}:activate")
    assert answer.status_code == 200, answer.text
    assert (api.in_force.release.lists, api.in_force.texts["list:blocked"]) == (("blocked",), DECLARATION)
    assert (await api.client.get("/v1/lists/blocked")).json()["entries"] == []
    again = await api.client.post("/v1/releases:activate", json={"parts": {"list:blocked": old}})
    assert (again.status_code, again.json()["changed"]) == (200, False)
