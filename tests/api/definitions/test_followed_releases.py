"""Releases that come by the control topic while the registry is away."""

import asyncio
import contextlib
import pathlib
import time
from collections.abc import AsyncIterator, Mapping

import msgspec
import pytest
from api_imitation import NOW_MS, TEXTS, FakeLog
from databases_of_a_test import FickleDatabase

from api.definitions import followed as followed_module
from api.definitions.followed import Followed
from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.http import retry
from api.http.health import Health
from foundation.content_hash import content_hash
from stores.decisions import StoreUnavailableError
from stores.registry import StoredRelease
from stores.relational.definitions import RelationalRegistry


class Registry(RelationalRegistry):
    """Knows which releases it has adopted."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.database = FickleDatabase(folder)
        super().__init__(self.database)
        self.adopted: list[int] = []

    def adopt(self, release: StoredRelease) -> None:
        super().adopt(release)
        self.adopted.append(release.id)


class Process:
    """What follows in one API process."""

    def __init__(self, registry: Registry) -> None:
        self.log = FakeLog()
        self.in_force = InForce()
        self.found: list[int] = []
        self.definitions = Definitions(
            registry, self.in_force, Health(), self.log, "weir.control", lambda: NOW_MS / 1000, lambda it: self.found.append(it.id)
        )

    @contextlib.asynccontextmanager
    async def settling(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.definitions.following.reconcile())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def registry(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setattr(retry, "RETRY_SECONDS", 0.002)
    return Registry(tmp_path)


@pytest.fixture
def process(registry: Registry) -> Process:
    return Process(registry)


def policy(number: int) -> dict[str, str]:
    return TEXTS | {"policy": TEXTS["policy"] + f"# {number}\n"}


def published(id: int, texts: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """The records of a release on the control topic."""
    parts = {part: content_hash(text) for part, text in texts.items()}
    release = (f"release:{id:010d}", msgspec.json.encode({"id": id, "parts": parts}))
    return [*((f"def:{parts[part]}", text.encode()) for part, text in texts.items()), release]


async def until_adopted(registry: Registry, ids: list[int]) -> None:
    end = time.monotonic() + 30
    while registry.adopted != ids:
        assert time.monotonic() < end, registry.adopted
        await asyncio.sleep(0.002)


async def test_they_are_in_force_at_once_and_in_the_registry_in_order_once_it_answers(registry: Registry, process: Process) -> None:
    registry.database.away = True
    async with process.settling():
        for id in (1, 2, 3):
            await process.definitions.following.take(published(id, policy(id)))
            assert process.in_force.release is not None
            assert process.in_force.release.id == id
        await asyncio.sleep(0.02)
        registry.database.away = False
        await until_adopted(registry, [1, 2, 3])
        await process.definitions.following.take(published(4, policy(4)))
        await until_adopted(registry, [1, 2, 3, 4])
    assert process.found == [1, 2, 3, 4]
    assert registry.pending_publication() == []


async def test_an_upload_waits_for_them_and_gets_the_id_of_none(registry: Registry, process: Process) -> None:
    await process.definitions.following.take(published(1, TEXTS))
    await process.definitions.following.repair()
    registry.database.away = True
    for id in (2, 3):
        await process.definitions.following.take(published(id, policy(id)))
    with pytest.raises(StoreUnavailableError):
        await process.definitions.put({"policy": policy(9)["policy"]}, "ann")
    assert process.log.records == []
    registry.database.away = False
    made = await process.definitions.put({"policy": policy(9)["policy"]}, "ann")
    assert (made.release, registry.adopted) == (4, [1, 2, 3])
    assert [release.id for release in registry.releases(9)] == [4, 3, 2, 1]


async def test_one_that_is_pending_in_the_registry_gives_way_and_is_published_under_the_next_id(
    registry: Registry, process: Process
) -> None:
    parts = {part: registry.put(part, text, "ann", 1) for part, text in policy(7).items()}
    assert registry.release(parts, "ann", 1) == 1
    registry.database.away = True
    async with process.settling():
        for id in (1, 2):
            await process.definitions.following.take(published(id, policy(id)))
        registry.database.away = False
        await until_adopted(registry, [1, 2])
        while not any(key.startswith("release:") for key, _ in process.log.of("control")):  # its definitions go first
            await asyncio.sleep(0.002)
    key, _ = process.log.of("control")[-1]
    assert key == "release:0000000003"
    assert [release.parts["policy"] for release in registry.releases(9)] == [content_hash(policy(id)["policy"]) for id in (7, 2, 1)]


async def test_what_was_stored_before_a_crash_is_published_once_the_registry_answers(registry: Registry, process: Process) -> None:
    parts = {part: registry.put(part, text, "ann", 1) for part, text in TEXTS.items()}
    registry.release(parts, "ann", 1)
    registry.database.away = True
    async with process.settling():
        await asyncio.sleep(0.02)
        assert process.in_force.release is None
        registry.database.away = False
        end = time.monotonic() + 30
        while process.in_force.release is None or registry.pending_publication():
            assert time.monotonic() < end
            await asyncio.sleep(0.002)
    assert len(process.log.of("control")) == len(TEXTS) + 1


async def test_a_registry_that_stands_still_holds_up_nothing_that_comes_by_the_topic(registry: Registry, process: Process) -> None:
    registry.database.goes_on.clear()
    async with process.settling():
        await asyncio.sleep(0.01)
        for id in (1, 2):
            await asyncio.wait_for(process.definitions.following.take(published(id, policy(id))), 2)
            await asyncio.sleep(0.01)
        assert process.in_force.release is not None
        assert process.in_force.release.id == 2
        registry.database.goes_on.set()
        await until_adopted(registry, [1, 2])


async def test_one_that_the_audit_log_cannot_take_now_is_not_adopted_before_it_can(registry: Registry) -> None:
    away = True

    def found(release: StoredRelease) -> None:
        if away:
            raise StoreUnavailableError("the test says so")

    followed = Followed(registry, found)
    await followed.add(StoredRelease(1, {"policy": content_hash("a")}, "start", 1), {"policy": "a"})
    with pytest.raises(StoreUnavailableError):
        await followed.adopt()
    assert registry.newest() is None
    away = False
    await followed.adopt()
    assert (registry.adopted, len(followed)) == ([1], 0)


async def test_one_that_cannot_be_kept_does_not_keep_back_those_behind_it(registry: Registry) -> None:
    followed = Followed(registry, lambda release: None)
    await followed.add(StoredRelease(1, {"policy": "another hash"}, "start", 1), {"policy": "a"})
    await followed.add(StoredRelease(2, {"policy": content_hash("a")}, "start", 1), {"policy": "a"})
    await followed.adopt()
    assert (registry.adopted, len(followed)) == ([2], 0)


async def test_there_is_a_bound_and_the_newest_stay(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed_module, "WAITING_MAX", 2)
    followed = Followed(registry, lambda release: None)
    registry.database.away = True
    for id in (1, 2, 3):
        await followed.add(StoredRelease(id, {"policy": content_hash("a")}, "start", 1), {"policy": "a"})
    registry.database.away = False
    await followed.adopt()
    assert registry.adopted == [2, 3]


async def test_the_bound_takes_none_from_a_registry_that_answers(
    registry: Registry, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed_module, "WAITING_MAX", 2)
    await process.definitions.following.take([record for id in range(1, 8) for record in published(id, policy(id))])
    await process.definitions.following.repair()
    assert registry.adopted == [1, 2, 3, 4, 5, 6, 7]
