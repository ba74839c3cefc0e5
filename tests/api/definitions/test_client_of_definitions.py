"""The client's calls for definitions, lists, bypass and profiles against the real application on a real socket."""

import datetime
import pathlib
from collections.abc import Iterator

import pytest
from api_imitation import TEXTS, TOKEN, Api
from served import served

from api.client.client import Client
from api.lists.list_edit import Added
from foundation.content_hash import content_hash
from foundation.refusal import Refusal

REVIEW_ALL = TEXTS["policy"].replace("block", "review")


@pytest.fixture
def client(tmp_path: pathlib.Path) -> Iterator[Client]:
    api = Api(tmp_path)
    api.in_force.release, api.in_force.texts = None, {}
    api.keep("1", "review")
    with served(api) as port, Client(f"http://127.0.0.1:{port}", TOKEN) as made:
        assert made.put(TEXTS).release == 1
        yield made
    api.decisions.close()
    api.database.close()


def test_a_version_is_kept_compared_put_in_force_and_rolled_back(client: Client) -> None:
    kept = client.keep("policy", REVIEW_ALL)
    assert (kept.hash, kept.in_force) == (content_hash(REVIEW_ALL), False)
    seen = client.text("policy")
    assert seen is not None and seen.text == TEXTS["policy"]
    assert client.activate("policy", kept.hash, seen.hash).release == 2
    with pytest.raises(Refusal, match="412"):
        client.put_text("policy", TEXTS["policy"] + "# mine\n", seen.hash)
    assert "-bands" in client.diff("policy", seen.hash).diff
    assert client.diff("policy", kept.hash).diff == ""
    assert [version.releases for version in client.versions("policy")] in ([[2], [1]], [[1], [2]])
    assert client.roll_back(1).parts["policy"] == seen.hash


def test_lists_are_put_edited_and_counted(client: Client) -> None:
    put = client.put_list("blocked", ["card-1"])
    until = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
    edited = client.edit_list("blocked", [Added("card-2", until), "card-3"], ["card-1"], reason="stolen", seen=put.version)
    assert (edited.added, edited.removed, edited.changed) == (2, 1, True)
    with pytest.raises(Refusal, match="412"):
        client.edit_list("blocked", ["card-4"], seen=put.version)
    assert [(entry.name, entry.entries) for entry in client.lists().lists] == [("blocked", 2)]
    page = client.list_page("blocked", limit=1)
    assert [(entry.value, entry.expires, entry.reason) for entry in page.entries] == [("card-2", 4_102_444_800_000, "stolen")]
    assert [entry.value for entry in client.list_page("blocked", page.next).entries] == ["card-3"]
    assert client.list_page("blocked", value="card-3").entries[0].by == "owner"
    assert client.list_page("none") is None
    with pytest.raises(Refusal, match="no list"):
        client.edit_list("none", add=["x"])


def test_the_bypass_is_switched_and_told(client: Client) -> None:
    assert client.bypass().mode == "off"
    assert client.bypass("approve_all", "drill").since == 2
    assert client.bypass().reason == "drill"
    with pytest.raises(Refusal, match="reason"):
        client.bypass("off")


def test_a_profile_is_read_by_an_id_with_a_slash(client: Client) -> None:
    profile = client.profile("terminal", "t/1")
    assert profile is not None and (profile.event_id, profile.recent.actions) == ("1", {"review": 1})
    assert client.profile("terminal", "t/2") is None
    assert client.profile("terminal", "t/1/decisions") is None


def test_lists_of_a_folder_are_pushed_with_the_rest_and_others_stay(client: Client) -> None:
    client.put_list("mine", ["x"])
    pushed = client.put(TEXTS | {"list:blocked": "card-1\n"})
    assert (pushed.changed, pushed.lists["blocked"].added) == (True, 1)
    assert [entry.name for entry in client.lists().lists] == ["blocked", "mine"]
