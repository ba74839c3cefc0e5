"""What the api stored before a crash and did not publish, with the registry in Cassandra: found and published at the next start."""

import pathlib
from collections.abc import Iterator

import msgspec
import pytest
from api_imitation import TEXTS, FakeLog

from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.definitions.registry_store import open_registry
from api.http.health import Condition
from api.http.problem import Problem
from foundation.settings import Settings
from stores.cassandra.cassandra_opening import Place
from stores.registry import Registry

pytestmark = pytest.mark.integration

REVIEW_ALL = TEXTS["policy"].replace("action: approve}", "action: review}", 1)


@pytest.fixture
def settings(cassandra: Place, tmp_path: pathlib.Path) -> Settings:
    return Settings(store="cassandra", cassandra_port=cassandra.port, cassandra_keyspace="repaired", folder=str(tmp_path))


@pytest.fixture
def registry(settings: Settings) -> Iterator[Registry]:
    made = open_registry(settings)
    yield made
    made.close()


async def started(registry: Registry, log: FakeLog) -> tuple[Definitions, InForce]:
    """An api process that has read the control topic to its end."""
    in_force = InForce()
    definitions = Definitions(registry, in_force, Condition(), log, "weir.control", lambda: 1.0)
    await definitions.take([(key, value) for key, value in log.of("control")])
    await definitions.repair()
    return definitions, in_force


async def test_a_release_stored_before_a_crash_is_published_at_the_next_start(settings: Settings, registry: Registry) -> None:
    log = FakeLog()
    definitions, in_force = await started(registry, log)
    assert (await definitions.put(dict(TEXTS), "ann")).release == 1
    log.down = True
    with pytest.raises(Problem, match="release 2 is stored"):
        await definitions.put({"policy": REVIEW_ALL}, "ann")
    assert in_force.texts == TEXTS
    log.down = False

    again = open_registry(settings)
    assert [release.id for release in again.pending_publication()] == [2]
    _, in_force = await started(again, log)
    assert in_force.texts == TEXTS | {"policy": REVIEW_ALL}
    key, value = log.of("control")[-1]
    newest = again.newest()
    assert newest is not None
    assert (key, msgspec.json.decode(value)["parts"]) == ("release:0000000002", newest.parts)
    assert again.pending_publication() == []
    again.close()
    assert not settings.path("registry.db").exists()
