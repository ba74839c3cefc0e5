"""What the registry keeps to, in each database of `PLACES`."""

import contextlib
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from databases_of_a_test import PLACES

from foundation.content_hash import content_hash
from foundation.refusal import Refusal
from stores.registry import Registry, StoredDefinition, StoredRelease
from stores.relational.database import Database
from stores.relational.definitions import RelationalRegistry
from stores.relational.place import DatabasePlace


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> DatabasePlace:
    return PLACES[request.param](request)


@pytest.fixture
def registry(place: DatabasePlace) -> Iterator[Registry]:
    with contextlib.closing(Database(place)) as database:
        yield RelationalRegistry(database)


@pytest.fixture
def another(place: DatabasePlace) -> Iterator[Registry]:
    """The same registry, as another process has it."""
    with contextlib.closing(Database(place)) as database:
        yield RelationalRegistry(database)


def test_a_definition_is_found_by_the_hash_of_its_text(registry: Registry) -> None:
    hash = registry.put("policy", "score: x\n", "ann", 5)
    assert hash == content_hash("score: x\n")
    assert registry.put("policy", "score: x\n", "bob", 6) == hash
    assert registry.text(hash) == "score: x\n"
    assert registry.text("0" * 64) is None


def test_release_ids_grow_and_releases_stay(registry: Registry) -> None:
    assert registry.newest() is None
    first, second = registry.put("policy", "a", "ann", 1), registry.put("policy", "b", "ann", 2)
    assert [registry.release({"policy": first}, "ann", 3), registry.release({"policy": second}, "bob", 4)] == [1, 2]
    assert registry.newest() == StoredRelease(2, {"policy": second}, "bob", 4)
    assert registry.get(1) == StoredRelease(1, {"policy": first}, "ann", 3)
    assert registry.get(9) is None


def test_a_release_of_an_unknown_definition_is_refused(registry: Registry) -> None:
    with pytest.raises(Refusal, match="policy"):
        registry.release({"policy": "f" * 64}, "ann", 1)
    assert registry.newest() is None


def test_a_release_of_another_is_adopted_under_its_id_and_a_pending_one_gives_way(registry: Registry) -> None:
    mine, theirs = registry.put("policy", "a", "ann", 1), registry.put("policy", "b", "push", 1)
    registry.release({"policy": mine}, "ann", 1)
    registry.adopt(StoredRelease(1, {"policy": theirs}, "push", 2))
    registry.adopt(StoredRelease(1, {"policy": theirs}, "push", 2))
    assert registry.get(1) == StoredRelease(1, {"policy": theirs}, "push", 2)
    assert registry.pending_publication() == [StoredRelease(2, {"policy": mine}, "ann", 1)]


def test_the_definitions_of_a_part_are_listed_newest_first_with_who_put_them_first(registry: Registry) -> None:
    old, new = registry.put("policy", "a", "ann", 1), registry.put("policy", "b", "bob", 2)
    registry.put("policy", "a", "cid", 3)
    registry.put("list:good", "a", "cid", 4)
    found = [StoredDefinition(new, "policy", "bob", 2), StoredDefinition(old, "policy", "ann", 1)]
    assert registry.definitions("policy", 10) == found
    assert registry.definitions("policy", 1) == found[:1]
    assert registry.definitions("list:good", 10) == [StoredDefinition(old, "list:good", "cid", 4)]
    assert registry.definitions("schema", 10) == []


def test_releases_are_listed_newest_first_and_go_on_below_an_id(registry: Registry) -> None:
    hash = registry.put("policy", "a", "ann", 1)
    for at_ms in range(5):
        registry.release({"policy": hash}, "ann", at_ms)
    assert [release.id for release in registry.releases(3)] == [5, 4, 3]
    assert [release.id for release in registry.releases(3, before=3)] == [2, 1]
    assert registry.releases(1) == [StoredRelease(5, {"policy": hash}, "ann", 4)]
    assert registry.releases(3, before=1) == []


def test_what_was_stored_and_not_published_is_known_to_who_opens_it_later(registry: Registry, another: Registry) -> None:
    hash = registry.put("policy", "a", "ann", 1)
    for _ in range(3):
        registry.release({"policy": hash}, "ann", 1)
    registry.published(2)
    registry.published(9)
    assert [release.id for release in another.pending_publication()] == [1, 3]
    assert another.get(9) is None


def test_two_writers_at_once_get_ids_of_their_own(registry: Registry, another: Registry) -> None:
    hash = registry.put("policy", "a", "ann", 1)
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: (registry, another)[n % 2].release({"policy": hash}, "ann", n), range(100)))
    assert sorted(ids) == list(range(1, 101))
    assert {release.at_ms for release in registry.releases(200)} == set(range(100))


def test_a_pending_release_moves_once_when_two_adopt_the_same(registry: Registry, another: Registry) -> None:
    mine, theirs = registry.put("policy", "a", "ann", 1), registry.put("policy", "b", "push", 1)
    registry.release({"policy": mine}, "ann", 1)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda one: one.adopt(StoredRelease(1, {"policy": theirs}, "push", 2)), (registry, another)))
    assert [(release.id, release.parts["policy"]) for release in registry.releases(9)] == [(2, mine), (1, theirs)]


def test_an_adopted_release_may_leave_ids_out_and_the_next_comes_behind_it(registry: Registry) -> None:
    hash = registry.put("policy", "a", "ann", 1)
    registry.adopt(StoredRelease(7, {"policy": hash}, "push", 2))
    assert registry.pending_publication() == []
    assert registry.release({"policy": hash}, "ann", 3) == 8
    with pytest.raises(Refusal, match="policy"):
        registry.adopt(StoredRelease(9, {"policy": "f" * 64}, "push", 2))


def test_a_text_of_15_mib_and_an_empty_one_come_back_whole(registry: Registry, another: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    # A busy machine may take longer to write it than a caller of the API would wait.
    monkeypatch.setattr("stores.relational.postgresql_engine.PunctualConnection.answer_seconds_max", 60.0)
    draw = random.Random(3)
    text = "".join(f"é{draw.getrandbits(160):040x}\n" for _ in range(15 * 1024 * 1024 // 43))
    assert len(text.encode()) > 14 * 1024 * 1024
    long, empty = registry.put("list:bad", text, "ann", 1), registry.put("list:good", "", "ann", 1)
    assert another.text(long) == text
    assert another.text(empty) == ""


def test_a_text_comes_back_byte_for_byte_whatever_is_in_it(registry: Registry) -> None:
    text = "\x00 \ud7ff \U0010ffff \r\n \t é"
    assert registry.text(registry.put("list:bad", text, "ann", 1)) == text
