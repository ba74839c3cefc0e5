"""What every registry of definitions keeps to; a new implementation joins `STORES`."""

import pathlib
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from features.refusal import Refusal
from stores.cassandra_registry import CassandraRegistry
from stores.registry import Registry, StoredDefinition, StoredRelease, content_hash
from stores.sqlite_registry import SqliteRegistry

TABLES = ("definition", "definition_of_part", "first_put", "release")
Open = Callable[[], Registry]


def in_sqlite(request: pytest.FixtureRequest) -> Open:
    folder: pathlib.Path = request.getfixturevalue("tmp_path")
    return lambda: SqliteRegistry(folder / "registry.db")


def in_cassandra(request: pytest.FixtureRequest) -> Open:
    place = msgspec.structs.replace(request.getfixturevalue("cassandra"), keyspace="contract_registry")
    registry = CassandraRegistry(place)
    for table in TABLES:
        registry._keyspace.run(f"TRUNCATE {table}")
    registry.close()
    return lambda: CassandraRegistry(place)


STORES: dict[str, Callable[[pytest.FixtureRequest], Open]] = {"sqlite": in_sqlite, "cassandra": in_cassandra}


@pytest.fixture(params=["sqlite", pytest.param("cassandra", marks=pytest.mark.integration)])
def opened(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens one more connection to the same registry; all are closed at the end."""
    made: list[Registry] = []
    new = STORES[request.param](request)

    def open_one() -> Registry:
        made.append(new())
        return made[-1]

    yield open_one
    for each in made:
        each.close()


@pytest.fixture
def registry(opened: Open) -> Registry:
    return opened()


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


def test_what_was_stored_and_not_published_is_known_after_a_crash(opened: Open) -> None:
    registry = opened()
    hash = registry.put("policy", "a", "ann", 1)
    for _ in range(3):
        registry.release({"policy": hash}, "ann", 1)
    registry.published(2)
    assert [release.id for release in opened().pending_publication()] == [1, 3]


def test_a_release_of_another_is_adopted_under_its_id_and_a_pending_one_gives_way(registry: Registry) -> None:
    mine, theirs = registry.put("policy", "a", "ann", 1), registry.put("policy", "b", "push", 1)
    registry.release({"policy": mine}, "ann", 1)
    registry.adopt(StoredRelease(1, {"policy": theirs}, "push", 2))
    registry.adopt(StoredRelease(1, {"policy": theirs}, "push", 2))
    assert registry.get(1) == StoredRelease(1, {"policy": theirs}, "push", 2)
    assert registry.pending_publication() == [StoredRelease(2, {"policy": mine}, "ann", 1)]


def test_writers_at_once_get_ids_of_their_own(opened: Open) -> None:
    writers = [opened(), opened()]
    hash = writers[0].put("policy", "a", "ann", 1)
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda n: writers[n % 2].release({"policy": hash}, "ann", n), range(60)))
    assert sorted(ids) == list(range(1, 61))


def test_a_text_of_fifteen_megabytes_comes_back(registry: Registry) -> None:
    text = random.Random(1).randbytes(7_500_000).hex()
    assert registry.text(registry.put("list:long", text, "ann", 1)) == text


def test_an_empty_text_is_a_text(registry: Registry) -> None:
    assert registry.text(registry.put("list:empty", "", "ann", 1)) == ""


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
