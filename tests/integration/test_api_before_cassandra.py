"""An API that starts while Cassandra does not run: what it answers meanwhile, and that it finds the node by itself."""

import pathlib
import time
from collections.abc import Iterator

import pytest
from api_process import TEXTS, Echo, payment
from api_without_a_store import ApiWithoutAStore, flink_with_the_score_job
from score_job_runs import wait_for

from deploy.local.releases import publish
from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.cassandra import start_cassandra
from deploy.servers.topics import make_topics
from foundation.settings import Settings
from pipeline.sinks.decision_store import open_decisions
from stores.decisions import StoredDecision, TopicPlace

FOUND_SECONDS_MAX = 30.0
OTHER_POLICY = TEXTS["policy"] + "# found while the registry is away\n"


class System(ApiWithoutAStore):
    """The API and, once it is started, its Cassandra."""

    def __init__(self, settings: Settings, storage_port: int, processes: Processes) -> None:
        super().__init__(settings, processes)
        self._storage_port = storage_port

    def start_node(self) -> None:
        folder = pathlib.Path(self.settings.folder)
        node = start_cassandra(folder / "cassandra", folder / "logs", self.settings.cassandra_port, self._storage_port)
        self.processes.add(node)


@pytest.fixture(scope="module")
def system(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One on topics of its own, with the sample `payments` in force and nothing on Cassandra's port."""
    api_port, port, storage_port = free_ports(3)
    with flink_with_the_score_job() as flink_port, Processes() as processes:
        settings = Settings(
            bootstrap=broker, topic_prefix="before.", folder=str(tmp_path_factory.mktemp("before")), api_port=api_port,
            flink_port=flink_port, store="cassandra", cassandra_port=port, store_timeout_ms=2_000,
        )  # fmt: skip
        make_topics(settings)
        publish(settings, TEXTS)
        echo = Echo(settings)
        system = System(settings, storage_port, processes)
        yield system
        system.client.close()
        processes.stop()
        echo.stop()


def test_without_cassandra_what_needs_no_store_is_answered_and_the_rest_is_503(system: System) -> None:
    assert system.client.get("/health").status_code == 200
    missing = system.missing()
    assert set(missing) == {"store"}
    assert all("no answer from Cassandra" in detail for detail in missing.values())
    assert system.client.get("/ready").status_code == 503
    system.decide(1)
    assert system.client.post("/v1/events", json=payment(2)).status_code == 202
    for path in ("scores/customer_id/c1", "decisions/1", "flagged"):
        answer = system.client.get(f"/v1/{path}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), path
    assert system.client.put("/v1/policy", content=OTHER_POLICY).json()["release"] == 2
    system.decide(3)


def test_once_cassandra_is_there_it_is_found(system: System) -> None:
    system.start_node()
    decisions = open_decisions(system.settings)  # as the deliver job, which makes the tables
    order, now_ms = (1).to_bytes(8), int(time.time() * 1000)
    decisions.write(
        [StoredDecision("1", 0, now_ms, order, (("customer_id", "c1"),), 0.75, "block", 1, b'{"event_id":"1"}', False, TopicPlace(0, 1))]
    )
    decisions.close()
    wait_for(lambda: system.client.get("/ready").status_code == 200, FOUND_SECONDS_MAX, "not ready")
    assert system.missing() == {}
    assert system.client.get("/v1/scores/customer_id/c1").json()["score"] == 0.75
    assert system.client.get("/v1/decisions/1").status_code == 200
