"""Before the control topic can be read, callers are answered by the newest release of the registry, and nobody changes anything."""

import pathlib

import pytest
from api_imitation import NOW_MS, TEXTS, FakeLog
from databases_of_a_test import database_in

from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.http.health import Health
from api.kafka.log import LogUnavailableError
from stores.relational.definitions import RelationalRegistry


class Process:
    """The definitions of one API process that has just started."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.log = FakeLog()
        self.registry = RelationalRegistry(database_in(folder))
        self.in_force = InForce()
        self.definitions = Definitions(self.registry, self.in_force, Health(), self.log, "weir.control", lambda: NOW_MS / 1000)

    @property
    def release(self) -> int:
        return self.in_force.release.id if self.in_force.release else 0

    def topic(self) -> list[tuple[str, bytes | None]]:
        return self.log.of("control")


def policy(number: int) -> dict[str, str | None]:
    return TEXTS | {"policy": TEXTS["policy"] + f"# {number}\n"}


@pytest.fixture
async def before(tmp_path: pathlib.Path) -> Process:
    """A process that has published releases 1 and 2, and only stored release 3."""
    process = Process(tmp_path)
    for number in (1, 2):
        await process.definitions.put(policy(number), "test")
    process.registry.release(process.in_force.hashes, "test", NOW_MS)
    return process


async def test_the_newest_published_release_stands_in(before: Process, tmp_path: pathlib.Path) -> None:
    process = Process(tmp_path)
    assert await process.definitions.following.stand_in()
    assert (process.release, process.in_force.texts) == (2, policy(2))


async def test_nothing_is_changed_while_it_stands_in(before: Process, tmp_path: pathlib.Path) -> None:
    process = Process(tmp_path)
    await process.definitions.following.stand_in()
    with pytest.raises(LogUnavailableError, match="has not been read"):
        await process.definitions.put(policy(4), "test")
    with pytest.raises(LogUnavailableError, match="has not been read"):
        await process.definitions.following.repair()
    assert process.topic() == []
    assert [release.id for release in process.registry.releases(9)] == [3, 2, 1]


async def test_once_the_topic_is_read_its_newest_release_is_in_force_and_what_was_stored_is_published(
    before: Process, tmp_path: pathlib.Path
) -> None:
    process = Process(tmp_path)
    await process.definitions.following.stand_in()
    await process.definitions.following.take(before.topic())
    assert process.release == 2
    await process.definitions.following.repair()
    assert process.release == 3
    assert (await process.definitions.put(policy(4), "test")).release == 4


async def test_a_newer_release_of_the_topic_is_in_force_once_it_is_read(before: Process, tmp_path: pathlib.Path) -> None:
    elsewhere = Process(tmp_path / "elsewhere")
    for number in range(1, 6):
        await elsewhere.definitions.put(policy(number), "test")
    process = Process(tmp_path)
    await process.definitions.following.stand_in()
    await process.definitions.following.take(elsewhere.topic())
    assert process.release == 5


async def test_without_a_published_release_nothing_stands_in(tmp_path: pathlib.Path) -> None:
    process = Process(tmp_path)
    assert not await process.definitions.following.stand_in()
    assert process.release == 0
