"""Lists over HTTP: declared by a release, edited at once and without one."""

import asyncio

import pytest
from api_imitation import NOW_MS, TEXTS, Api
from entry_topic_in_memory import MemoryEntryTopic

from api.lists.entries import Entries
from api.lists.list_edit import EDITS_MAX
from patterns import list_changes
from patterns.lists import DECLARATION

TEXT = "# cards that were stolen\ncard-1\n\n  card-2  \ncard-1\n"


@pytest.fixture(autouse=True)
async def _first_release(api: Api) -> None:
    api.in_force.release, api.in_force.texts = None, {}
    await api.client.post("/v1/releases", json=TEXTS)


async def values(api: Api, name: str) -> list[str]:
    return [entry["value"] for entry in (await api.client.get(f"/v1/lists/{name}")).json()["entries"]]


async def test_a_list_is_declared_by_a_release_and_its_entries_make_none(api: Api) -> None:
    answer = (await api.client.put("/v1/lists/blocked_cards", content=TEXT)).json()
    counts = {"changed": True, "added": 2, "removed": 0, "updated": 0}
    assert answer == {"name": "blocked_cards", "version": 2, "release": 2} | counts
    assert (api.in_force.release.lists, api.in_force.texts["list:blocked_cards"]) == (("blocked_cards",), DECLARATION)
    control = len(api.log.of("control"))
    for number in range(20):
        assert (await api.client.post("/v1/lists/blocked_cards:edit", json={"add": [f"x{number}"]})).json()["release"] == 2
    assert (await api.client.put("/v1/lists/blocked_cards", content="y\n")).json()["removed"] == 22
    assert len(api.log.of("control")) == control
    assert (await api.client.get("/v1/lists")).json() == {
        "release": 2,
        "lists": [{"name": "blocked_cards", "version": 45, "entries": 1}],
    }


async def test_entries_are_read_by_pages_in_the_order_of_their_values(api: Api) -> None:
    await api.client.put("/v1/lists/blocked", content="\n".join(f"card-{number:04d}" for number in reversed(range(2_500))))
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        page = (await api.client.get("/v1/lists/blocked", params={"limit": 1_000} | ({"cursor": cursor} if cursor else {}))).json()
        found += [entry["value"] for entry in page["entries"]]
        cursor, pages = page["next"], pages + 1
    assert (found, pages) == ([f"card-{number:04d}" for number in range(2_500)], 3)
    one = (await api.client.get("/v1/lists/blocked", params={"value": "card-0007"})).json()
    assert ([entry["value"] for entry in one["entries"]], one["next"]) == (["card-0007"], None)
    assert (await api.client.get("/v1/lists/blocked", params={"value": "card-9999"})).json()["entries"] == []
    assert (await api.client.get("/v1/lists/blocked", params={"cursor": "%"})).status_code == 422


async def test_a_list_put_whole_is_written_as_its_differences(api: Api) -> None:
    await api.client.put("/v1/lists/blocked", content="a\nb\nc\n")
    written = api.entries_stored.end
    answer = (await api.client.put("/v1/lists/blocked", content="b\nc\nd\n")).json()
    assert (answer["added"], answer["removed"], answer["updated"], api.entries_stored.end - written) == (1, 1, 0, 2)
    assert (await api.client.put("/v1/lists/blocked", content="d\nb\nc\n")).json()["changed"] is False
    assert await values(api, "blocked") == ["b", "c", "d"]


async def test_an_edit_adds_and_removes_with_ends_and_reasons(api: Api) -> None:
    await api.client.put("/v1/lists/blocked", content="card-1\ncard-2\n")
    add = ["card-9", {"value": "card-8", "expires": "2023-11-15T00:00:00Z", "reason": "lost"}, "card-2", "card-9"]
    edit = {"add": add, "remove": ["card-1", "never"], "reason": "chargeback 17"}
    answer = (await api.client.post("/v1/lists/blocked:edit", json=edit)).json()
    assert (answer["added"], answer["removed"], answer["updated"]) == (2, 1, 1)
    entries = (await api.client.get("/v1/lists/blocked")).json()["entries"]
    assert [(entry["value"], entry["expires"], entry["reason"], entry["by"], entry["source"]) for entry in entries] == [
        ("card-2", None, "chargeback 17", "owner", "api"),
        ("card-8", 1_700_006_400_000, "lost", "owner", "api"),
        ("card-9", None, "chargeback 17", "owner", "api"),
    ]
    assert len({entry["id"] for entry in entries}) == 1
    assert (await api.client.post("/v1/lists/blocked:edit", json=edit)).json()["changed"] is False
    assert (await api.client.post("/v1/lists/unknown:edit", json=edit)).status_code == 404
    said = [entry.fact().subject for entry in api.access.audit.walk()]
    assert any("list blocked, version 6: 2 added, 1 removed, 1 updated: chargeback 17" in subject for subject in said)


async def test_what_expired_by_the_time_of_events_counts_no_longer(api: Api) -> None:
    await api.client.put("/v1/lists/blocked", content="card-1\n")
    await api.client.post("/v1/lists/blocked:edit", json={"add": [{"value": "card-2", "expires": NOW_MS}]})
    api.now_ms += 10**12  # the clock alone ends nothing
    assert await values(api, "blocked") == ["card-1", "card-2"]
    api.event_time_ms = NOW_MS - 1
    assert await values(api, "blocked") == ["card-1", "card-2"]
    api.event_time_ms = NOW_MS
    assert await values(api, "blocked") == ["card-1"]
    assert (await api.client.get("/v1/lists")).json()["lists"][0]["entries"] == 1
    assert (await api.client.get("/v1/lists/blocked", params={"value": "card-2"})).json()["entries"] == []
    again = await api.client.post("/v1/lists/blocked:edit", json={"add": [{"value": "card-3", "expires": NOW_MS}]})
    assert (again.status_code, again.json()["what"]) == (422, "end in the past")
    assert (await api.client.post("/v1/lists/blocked:edit", json={"add": ["card-2"]})).json()["updated"] == 1
    assert await values(api, "blocked") == ["card-1", "card-2"]


async def test_a_list_that_is_deleted_loses_its_entries_and_its_declaration(api: Api) -> None:
    await api.client.put("/v1/lists/watched", content=TEXT)
    assert (await api.client.delete("/v1/lists/watched", headers={"if-match": '"0"'})).status_code == 412
    answer = (await api.client.delete("/v1/lists/watched")).json()
    assert (answer["release"], answer["removed"], api.in_force.release.lists) == (3, 2, ())
    assert (await api.client.get("/v1/lists/watched")).status_code == 404
    assert (await api.client.delete("/v1/lists/watched")).status_code == 404
    assert (await api.client.put("/v1/lists/watched", content="x\n")).json()["added"] == 1
    assert await values(api, "watched") == ["x"]


async def test_a_list_that_a_rollback_takes_out_and_brings_back_has_its_entries(api: Api) -> None:
    await api.client.put("/v1/lists/watched", content=TEXT)
    await api.client.post("/v1/releases/1:activate")
    assert (await api.client.get("/v1/lists")).json()["lists"] == []
    await api.client.post("/v1/releases/2:activate")
    assert await values(api, "watched") == ["card-1", "card-2"]


async def test_a_change_of_what_another_changed_meanwhile_is_not_made(api: Api) -> None:
    tag = (await api.client.put("/v1/lists/blocked", content="card-1\n")).headers["etag"]
    assert (await api.client.get("/v1/lists/blocked")).headers["etag"] == tag
    edits = ({"add": [f"card-{number}"]} for number in (2, 3))
    answers = await asyncio.gather(*(api.client.post("/v1/lists/blocked:edit", json=edit, headers={"if-match": tag}) for edit in edits))
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    now = (await api.client.get("/v1/lists/blocked")).headers["etag"]
    late = await api.client.put("/v1/lists/blocked", content="x\n", headers={"if-match": tag})
    assert (late.status_code, late.json()["in_force"]) == (412, now.strip('"'))
    assert (await api.client.put("/v1/lists/blocked", content="x\n", headers={"if-match": now})).status_code == 200
    assert (await api.client.put("/v1/lists/new", content="x\n", headers={"if-match": "*"})).status_code == 412
    assert (await api.client.get("/v1/lists/blocked", headers={"if-none-match": now})).status_code == 200
    now = (await api.client.get("/v1/lists/blocked")).headers["etag"]
    assert (await api.client.get("/v1/lists/blocked", headers={"if-none-match": now})).status_code == 304


async def test_a_change_is_computed_from_what_another_process_was_answered_before(api: Api) -> None:
    await api.client.put("/v1/lists/blocked", content="card-1\n")
    other = Entries(MemoryEntryTopic(api.entries_stored), lambda: 0)
    other.open()
    api.entries_stored.follow(other)
    api.entries_stored.followers.remove(api.entries)  # this process lags
    assert (await other.change("blocked", lambda found: list_changes.emptied(found, "blocked"))).removed == 1
    asked = asyncio.create_task(api.client.post("/v1/lists/blocked:edit", json={"add": ["card-1"]}))
    await asyncio.sleep(0.05)
    assert not asked.done()
    api.entries_stored.follow(api.entries)
    assert (await asked).json()["added"] == 1


@pytest.mark.parametrize(
    "edit",
    [{"add": ["# x"]}, {"add": [""]}, {"add": [" x"]}, {"remove": ["a\nb"]}, {"ad": ["x"]}, {"add": "x"}, [], {"add": ["x" * 2_049]},
     {"add": ["x"], "reason": "x" * 1_025}, {"add": [{"value": "x", "reason": "x" * 1_025}]}, {"add": [{"value": "x", "expires": 0}]},
     {"add": [{"value": "x", "expires": "2023-11-15T00:00:00"}]}, {"add": [{"value": "x", "until": 5}]}, {"add": [{}]},
     {"add": ["x"] * (EDITS_MAX + 1)}, {"remove": ["x"] * (EDITS_MAX + 1)}, {"add": [{"value": "x", "expires": 1 << 63}]}],
)  # fmt: skip
async def test_what_is_no_edit_is_refused_and_changes_nothing(api: Api, edit: object) -> None:
    await api.client.put("/v1/lists/blocked", content=TEXT)
    written = api.entries_stored.end
    assert (await api.client.post("/v1/lists/blocked:edit", json=edit)).status_code == 422
    assert (api.in_force.release.id, api.entries_stored.end) == (2, written)


async def test_an_edit_that_would_make_too_many_entries_is_refused_by_the_bound(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.client.put("/v1/lists/one", content="a\nb\n")
    await api.client.put("/v1/lists/two", content="a\n")
    monkeypatch.setattr(list_changes, "ENTRIES_IN_ALL_MAX", 4)
    monkeypatch.setattr(list_changes, "ENTRIES_MAX", 3)
    refused = await api.client.post("/v1/lists/two:edit", json={"add": ["b", "c"]})
    assert (refused.status_code, refused.json()["expected"]) == (422, "at most 4 entries of all lists")
    assert (await api.client.post("/v1/lists/one:edit", json={"add": ["c", "d"]})).json()["expected"] == "at most 3 entries of one list"
    assert (await api.client.post("/v1/lists/one:edit", json={"add": ["c"]})).status_code == 200
    assert (await api.client.post("/v1/lists/one:edit", json={"add": ["d"], "remove": ["a"]})).status_code == 200


@pytest.mark.parametrize("name", ["Blocked", "1st", "a-b", "x" * 64, "a.b", "list:x", "%00", "é"])
async def test_a_list_of_another_name_is_refused(api: Api, name: str) -> None:
    answer = await api.client.put(f"/v1/lists/{name}", content="x")
    assert (answer.status_code, answer.json()["what"]) == (422, "bad list name")


@pytest.mark.parametrize(("text", "where"), [("ok\n" + "x" * 2_049, "lists/a.txt:2"), ("ok\nok\na\x00b\n", "lists/a.txt:3")])
async def test_a_bad_entry_is_refused_with_its_line(api: Api, text: str, where: str) -> None:
    answer = await api.client.put("/v1/lists/a", content=text)
    assert (answer.status_code, answer.json()["where"]) == (422, where)


async def test_a_list_may_be_larger_than_other_bodies_but_has_an_end(api: Api) -> None:
    text = "\n".join(f"card-{number:040d}" for number in range(30_000))
    assert len(text) > 1_048_576
    assert (await api.client.put("/v1/lists/large", content=text)).status_code == 200
    assert (await api.client.get("/v1/lists")).json()["lists"][0]["entries"] == 30_000
    assert (await api.client.put("/v1/lists/large", content="x\n" * 8_000_000)).json()["what"] == "list too large"
    assert (await api.client.put("/v1/lists/large", content=b"\n" * 20_971_521)).status_code == 413


async def test_while_the_topic_takes_nothing_changes_are_answered_503_and_lists_are_read(api: Api) -> None:
    await api.client.put("/v1/lists/blocked", content="card-1\n")
    api.entries_stored.down = True
    assert (await api.client.post("/v1/lists/blocked:edit", json={"add": ["card-2"]})).status_code == 503
    assert await values(api, "blocked") == ["card-1"]
    api.entries_stored.down = False
    assert (await api.client.post("/v1/lists/blocked:edit", json={"add": ["card-2"]})).status_code == 200


async def test_a_push_replaces_what_came_from_the_folder_and_keeps_what_others_added(api: Api) -> None:
    pushed = (await api.client.post("/v1/releases", json=TEXTS | {"list:blocked": "a\nb\nc\n"})).json()
    assert (pushed["lists"]["blocked"]["added"], api.in_force.texts["list:blocked"]) == (3, DECLARATION)
    add = ["mine", {"value": "b", "expires": NOW_MS + 1}]
    await api.client.post("/v1/lists/blocked:edit", json={"add": add, "remove": ["c"]})
    again = (await api.client.post("/v1/releases", json=TEXTS | {"list:blocked": "b\nc\n"})).json()
    assert (again["release"], again["changed"], again["lists"]["blocked"]["removed"]) == (pushed["release"], False, 1)
    entries = (await api.client.get("/v1/lists/blocked")).json()["entries"]
    assert [(entry["value"], entry["source"], entry["expires"]) for entry in entries] == [
        ("b", "folder", None), ("c", "folder", None), ("mine", "api", None),
    ]  # fmt: skip


async def test_definitions_that_are_refused_bring_no_entries(api: Api) -> None:
    answer = await api.client.post("/v1/releases", json=TEXTS | {"policy": "x", "list:blocked": "a\n"})
    assert (answer.status_code, api.entries_stored.end) == (422, 0)
    assert (await api.client.post("/v1/releases", json=TEXTS | {"list:blocked": "a\n\x01\n"})).json()["where"] == "lists/blocked.txt:2"


async def test_entries_of_an_authors_push_are_written_at_once_and_the_list_waits_for_its_approver(api: Api) -> None:
    made = [await api.client.post("/v1/tokens", json={"name": role, "roles": [role]}) for role in ("author", "approver", "analyst")]
    author, approver, analyst = ({"authorization": f"Bearer {each.json()['token']}"} for each in made)
    stored = await api.client.post("/v1/releases", headers=author, json=TEXTS | {"list:blocked": "a\nb\n"})
    assert (stored.status_code, stored.json()["lists"]["blocked"]["added"], api.in_force.release.lists) == (202, 2, ())
    assert (await api.client.get("/v1/lists/blocked", headers=author)).status_code == 404
    body = {"parts": stored.json()["parts"]}
    assert (await api.client.post("/v1/releases:activate", headers=approver, json=body)).status_code == 200
    assert await values(api, "blocked") == ["a", "b"]
    for who, status in ((author, 200), (approver, 403), (analyst, 403)):
        edited = await api.client.post("/v1/lists/blocked:edit", headers=who, json={"add": ["c"]})
        assert edited.status_code == status, edited.text
