import pytest
from api_imitation import TEXTS, Api

from pipeline.release import content_hash

TEXT = "# cards that were stolen\ncard-1\n\n  card-2  \ncard-1\n"


@pytest.fixture(autouse=True)
async def _first_release(api: Api) -> None:
    api.in_force.release, api.in_force.texts = None, {}
    await api.client.post("/v1/releases", json=TEXTS)


async def test_a_list_is_put_in_force_read_back_and_counted(api: Api) -> None:
    answer = (await api.client.put("/v1/lists/blocked_cards", content=TEXT)).json()
    assert (answer["release"], answer["hash"], answer["changed"]) == (2, content_hash(TEXT), True)
    assert api.in_force.release.lists == {"blocked_cards": frozenset({"card-1", "card-2"})}
    assert (await api.client.get("/v1/lists/blocked_cards")).text == TEXT
    lists = (await api.client.get("/v1/lists")).json()
    assert lists == {"release": 2, "lists": [{"name": "blocked_cards", "hash": content_hash(TEXT), "entries": 2}]}


async def test_a_list_that_was_taken_out_is_gone_and_its_versions_stay(api: Api) -> None:
    await api.client.put("/v1/lists/watched", content=TEXT)
    assert (await api.client.delete("/v1/lists/watched", headers={"if-match": '"other"'})).status_code == 412
    answer = (await api.client.delete("/v1/lists/watched")).json()
    assert (answer["release"], api.in_force.release.lists) == (3, {})
    assert (await api.client.get("/v1/lists/watched")).status_code == 404
    assert (await api.client.delete("/v1/lists/watched")).status_code == 404
    [version] = (await api.client.get("/v1/lists/watched/versions")).json()["versions"]
    assert version["releases"] == [2]
    assert (await api.client.post("/v1/lists/watched:activate", json={"hash": version["hash"]})).json()["release"] == 4


async def test_entries_are_added_and_removed_where_they_stand_and_comments_stay(api: Api) -> None:
    await api.client.put("/v1/lists/blocked", content=TEXT)
    tag = (await api.client.get("/v1/lists/blocked")).headers["etag"]
    edit = {"add": ["card-9", "card-2", "card-9"], "remove": ["card-1", "never"]}
    answer = await api.client.post("/v1/lists/blocked:edit", json=edit, headers={"if-match": tag})
    assert answer.status_code == 200
    assert (await api.client.get("/v1/lists/blocked")).text == "# cards that were stolen\n\n  card-2  \ncard-9\n"
    assert (await api.client.post("/v1/lists/blocked:edit", json=edit, headers={"if-match": tag})).status_code == 412
    assert (await api.client.post("/v1/lists/blocked:edit", json=edit)).json()["changed"] is False
    assert (await api.client.post("/v1/lists/unknown:edit", json=edit)).status_code == 404


@pytest.mark.parametrize("edit", [{"add": ["# x"]}, {"add": [""]}, {"add": [" x"]}, {"remove": ["a\nb"]}, {"ad": ["x"]}, {"add": "x"}, []])
async def test_what_is_no_edit_is_refused_and_changes_nothing(api: Api, edit: object) -> None:
    await api.client.put("/v1/lists/blocked", content=TEXT)
    assert (await api.client.post("/v1/lists/blocked:edit", json=edit)).status_code == 422
    assert api.in_force.release.id == 2


@pytest.mark.parametrize("name", ["Blocked", "1st", "a-b", "x" * 64, "a.b", "list:x", "%00", "é"])
async def test_a_list_of_another_name_is_refused(api: Api, name: str) -> None:
    answer = await api.client.put(f"/v1/lists/{name}", content="x")
    assert (answer.status_code, answer.json()["what"]) == (422, "bad list name")


@pytest.mark.parametrize(("text", "where"), [("ok\n" + "x" * 513, "lists/a.txt:2"), ("ok\nok\na\x00b\n", "lists/a.txt:3")])
async def test_a_bad_entry_is_refused_with_its_line(api: Api, text: str, where: str) -> None:
    answer = await api.client.put("/v1/lists/a", content=text)
    assert (answer.status_code, answer.json()["where"]) == (422, where)


async def test_a_list_may_be_larger_than_other_bodies_but_has_an_end(api: Api) -> None:
    text = "\n".join(f"card-{number:07d}" for number in range(150_000))
    assert len(text) > 1_048_576
    assert (await api.client.put("/v1/lists/large", content=text)).status_code == 200
    assert len(api.in_force.release.lists["large"]) == 150_000
    assert (await api.client.put("/v1/lists/large", content="x\n" * 8_000_000)).json()["what"] == "list too large"
    assert (await api.client.put("/v1/lists/large", content=b"\n" * 20_971_521)).status_code == 413


async def test_two_lists_of_the_same_text_have_each_their_versions(api: Api) -> None:
    for name in ("one", "two"):
        await api.client.put(f"/v1/lists/{name}", content="x\n")
        assert len((await api.client.get(f"/v1/lists/{name}/versions")).json()["versions"]) == 1


async def test_lists_are_compared_by_their_entries(api: Api) -> None:
    await api.client.put("/v1/lists/a", content="x\ny\n")
    await api.client.put("/v1/lists/a", content="z\n# new\ny\n")
    answer = (await api.client.get("/v1/lists/a/diff", params={"from": content_hash("x\ny\n")})).json()
    assert answer["diff"] == "-x\n+z\n"
