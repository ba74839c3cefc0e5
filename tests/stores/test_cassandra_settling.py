from types import SimpleNamespace
from typing import Any

import pytest

from stores.cassandra.cassandra_settling import Settling
from stores.decisions import StoreUnavailableError

PERIODIC = {"commitlog_sync": "periodic", "commitlog_sync_period": "20ms", "periodic_commitlog_sync_lag_block": "30ms"}


class ImitatedNode:
    """A session with one node, which is asked and told what a `Settling` asks and tells, and notes it with the waits between."""

    def __init__(self, settings: dict[str, str | None], hosts: int = 1) -> None:
        self.generation = 7
        self.settings = settings
        self.done: list[object] = []
        self.cluster = SimpleNamespace(metadata=SimpleNamespace(all_hosts=lambda: [object()] * hosts))

    def execute(self, statement: Any, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        query = statement.query_string
        if "system_views.settings" in query:
            self.done.append("settings")
            return list(self.settings.items())
        if "gossip_generation" in query:
            self.done.append("generation")
            return [(self.generation,)]
        assert "weir.schema_version" in query
        assert len(values) == 1
        self.done.append("mark")
        return []

    def settling(self) -> Settling:
        return Settling(self, "weir", lambda seconds: self.done.append(round(seconds, 3)))  # type: ignore[arg-type]


def test_a_mark_is_set_when_the_log_may_lag_no_longer() -> None:
    node = ImitatedNode(PERIODIC)
    settling = node.settling()
    settling.settle(settling.life())
    assert node.done == ["generation", "settings", 0.031, "mark", "generation"]


def test_the_settings_are_read_once_a_start() -> None:
    node = ImitatedNode(PERIODIC)
    settling = node.settling()
    settling.life()
    settling.life()
    node.generation += 1
    node.settings = PERIODIC | {"periodic_commitlog_sync_lag_block": "200ms"}
    assert settling.life().lag_seconds == 0.2
    assert node.done.count("settings") == 2


def test_what_a_node_took_before_it_was_started_again_may_be_lost() -> None:
    node = ImitatedNode(PERIODIC)
    settling = node.settling()
    life = settling.life()
    node.generation += 1
    with pytest.raises(StoreUnavailableError, match="started again"):
        settling.settle(life)
    settling.settle(settling.life())


def test_without_a_lag_of_its_own_it_is_half_as_long_again_as_the_period() -> None:
    assert ImitatedNode(PERIODIC | {"periodic_commitlog_sync_lag_block": None}).settling().life().lag_seconds == 0.03


@pytest.mark.parametrize("mode", ["batch", "group"])
def test_a_log_that_is_synced_before_the_answer_needs_no_mark(mode: str) -> None:
    node = ImitatedNode(PERIODIC | {"commitlog_sync": mode})
    settling = node.settling()
    settling.settle(settling.life())
    assert node.done == ["generation", "settings"]


def test_a_log_that_lags_for_long_is_not_waited_for_and_told(caplog: pytest.LogCaptureFixture) -> None:
    node = ImitatedNode({"commitlog_sync": "periodic", "commitlog_sync_period": "10s", "periodic_commitlog_sync_lag_block": None})
    settling = node.settling()
    settling.settle(settling.life())
    assert node.done == ["generation", "settings"]
    assert "last 15 s" in caplog.text


def test_several_nodes_have_copies() -> None:
    node = ImitatedNode(PERIODIC, hosts=3)
    settling = node.settling()
    settling.settle(settling.life())
    assert node.done == []
