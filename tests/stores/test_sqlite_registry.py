import pathlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from features.refusal import Refusal
from stores.registry import StoredDefinition, StoredRelease, content_hash
from stores.sqlite import open_for_writing
from stores.sqlite_registry import MIGRATIONS, SqliteRegistry


@pytest.fixture
def registry(tmp_path: pathlib.Path) -> Iterator[SqliteRegistry]:
    made = SqliteRegistry(tmp_path / "registry.db")
    yield made
    made.close()


def test_a_definition_is_found_by_the_hash_of_its_text(registry: SqliteRegistry) -> None:
    hash = registry.put("policy", "score: x\n", "ann", 5)
    assert hash == content_hash("score: x\n")
    assert registry.put("policy", "score: x\n", "bob", 6) == hash
    assert registry.text(hash) == "score: x\n"
    assert registry.text("0" * 64) is None


def test_release_ids_grow_and_releases_stay(registry: SqliteRegistry) -> None:
    assert registry.newest() is None
    first, second = registry.put("policy", "a", "ann", 1), registry.put("policy", "b", "ann", 2)
    assert [registry.release({"policy": first}, "ann", 3), registry.release({"policy": second}, "bob", 4)] == [1, 2]
    assert registry.newest() == StoredRelease(2, {"policy": second}, "bob", 4)
    assert registry.get(1) == StoredRelease(1, {"policy": first}, "ann", 3)
    assert registry.get(9) is None


def test_a_release_of_an_unknown_definition_is_refused(registry: SqliteRegistry) -> None:
    with pytest.raises(Refusal, match="policy"):
        registry.release({"policy": "f" * 64}, "ann", 1)
    assert registry.newest() is None


def test_what_was_stored_and_not_published_is_known_after_a_crash(tmp_path: pathlib.Path) -> None:
    registry = SqliteRegistry(tmp_path / "registry.db")
    hash = registry.put("policy", "a", "ann", 1)
    for _ in range(3):
        registry.release({"policy": hash}, "ann", 1)
    registry.published(2)
    registry.close()
    again = SqliteRegistry(tmp_path / "registry.db")
    assert [release.id for release in again.pending_publication()] == [1, 3]
    again.close()


def test_a_release_of_another_is_adopted_under_its_id_and_a_pending_one_gives_way(registry: SqliteRegistry) -> None:
    mine, theirs = registry.put("policy", "a", "ann", 1), registry.put("policy", "b", "push", 1)
    registry.release({"policy": mine}, "ann", 1)
    registry.adopt(StoredRelease(1, {"policy": theirs}, "push", 2))
    registry.adopt(StoredRelease(1, {"policy": theirs}, "push", 2))
    assert registry.get(1) == StoredRelease(1, {"policy": theirs}, "push", 2)
    assert registry.pending_publication() == [StoredRelease(2, {"policy": mine}, "ann", 1)]


def test_threads_get_ids_of_their_own(registry: SqliteRegistry) -> None:
    hash = registry.put("policy", "a", "ann", 1)
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda at_ms: registry.release({"policy": hash}, "ann", at_ms), range(200)))
    assert sorted(ids) == list(range(1, 201))


def test_the_definitions_of_a_part_are_listed_newest_first_with_who_put_them_first(registry: SqliteRegistry) -> None:
    old, new = registry.put("policy", "a", "ann", 1), registry.put("policy", "b", "bob", 2)
    registry.put("policy", "a", "cid", 3)
    registry.put("list:good", "a", "cid", 4)
    found = [StoredDefinition(new, "policy", "bob", 2), StoredDefinition(old, "policy", "ann", 1)]
    assert registry.definitions("policy", 10) == found
    assert registry.definitions("policy", 1) == found[:1]
    assert registry.definitions("list:good", 10) == [StoredDefinition(old, "list:good", "cid", 4)]
    assert registry.definitions("schema", 10) == []


def test_releases_are_listed_newest_first_and_go_on_below_an_id(registry: SqliteRegistry) -> None:
    hash = registry.put("policy", "a", "ann", 1)
    for at_ms in range(5):
        registry.release({"policy": hash}, "ann", at_ms)
    assert [release.id for release in registry.releases(3)] == [5, 4, 3]
    assert [release.id for release in registry.releases(3, before=3)] == [2, 1]
    assert registry.releases(1) == [StoredRelease(5, {"policy": hash}, "ann", 4)]
    assert registry.releases(3, before=1) == []


def test_definitions_of_an_older_file_are_listed_after_its_migration(tmp_path: pathlib.Path) -> None:
    file = open_for_writing(tmp_path / "registry.db", MIGRATIONS[:1])
    file.execute("INSERT INTO definition VALUES ('h', 'policy', 'a', 'ann', 1)")
    file.close()
    registry = SqliteRegistry(tmp_path / "registry.db")
    assert registry.definitions("policy", 5) == [StoredDefinition("h", "policy", "ann", 1)]
    registry.close()
