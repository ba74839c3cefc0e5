"""An API that starts while Cassandra does not run: what it answers meanwhile, and that it finds the node by itself."""

import http.server
import pathlib
import threading
import time
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from api_process import TEXTS, Echo, payment, start_api
from score_job_runs import Json, wait_for

from api.auth.token import read_token
from api.http.health import NOT_CHECKED, PARTS
from deploy.local.releases import publish
from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.cassandra import start_cassandra
from deploy.servers.topics import make_topics
from foundation.settings import Settings
from pipeline.sinks.decision_store import open_decisions
from stores.decisions import StoredDecision, TopicPlace

FOUND_SECONDS_MAX = 10.0
OTHERS = ("metrics", "taken_back", "entries")
"""Parts that are not about Cassandra alone."""
OTHER_POLICY = TEXTS["policy"] + "# found while the registry is away\n"


class Flink(http.server.BaseHTTPRequestHandler):
    """Says that the score job runs."""

    def do_GET(self) -> None:
        job = {"name": "weir-score", "state": "RUNNING", "start-time": 1, "tasks": {"total": 1, "running": 1}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(msgspec.json.encode({"jobs": [job]}))

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class System:
    """The API and, once it is started, its Cassandra."""

    def __init__(self, settings: Settings, storage_port: int, processes: Processes) -> None:
        self.settings = settings
        self._storage_port = storage_port
        self._processes = processes
        self.api = processes.add(start_api(settings, token=""))
        headers = {"authorization": f"Bearer {read_token(settings, {})}"}
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{settings.api_port}", headers=headers, timeout=20, trust_env=False)

    def start_node(self) -> None:
        folder = pathlib.Path(self.settings.folder)
        node = start_cassandra(folder / "cassandra", folder / "logs", self.settings.cassandra_port, self._storage_port)
        self._processes.add(node)

    def missing(self) -> dict[str, str]:
        """Detail of each part but metrics that is not well, once all have been looked at."""
        wait_for(lambda: NOT_CHECKED not in self.client.get("/ready").text, 20, "a part is not checked")
        parts: Json = self.client.get("/ready").json()["parts"]
        assert set(parts) == set(PARTS)
        return {name: part["detail"] for name, part in parts.items() if not part["ok"] and name not in OTHERS}


@pytest.fixture(scope="module")
def system(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One on topics of its own, with the sample `payments` in force and nothing on Cassandra's port."""
    api_port, port, storage_port = free_ports(3)
    flink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Flink)
    threading.Thread(target=flink.serve_forever, daemon=True).start()
    settings = Settings(
        bootstrap=broker, topic_prefix="before.", folder=str(tmp_path_factory.mktemp("before")), api_port=api_port,
        flink_port=flink.server_port, store="cassandra", cassandra_port=port, store_timeout_ms=2_000,
    )  # fmt: skip
    make_topics(settings)
    publish(settings, TEXTS)
    echo = Echo(settings)
    with Processes() as processes:
        system = System(settings, storage_port, processes)
        yield system
        system.client.close()
    echo.stop()
    flink.shutdown()
    flink.server_close()


def decide(system: System, id: int) -> None:
    answer = system.client.post("/v1/decisions?deadline_ms=5000", json=payment(id))
    assert (answer.status_code, answer.json()["score"], answer.json()["flags"]) == (200, 0.5, [])


def test_without_cassandra_what_needs_no_store_is_answered_and_the_rest_is_503(system: System) -> None:
    assert system.client.get("/health").status_code == 200
    missing = system.missing()
    assert set(missing) == {"store"}
    assert all("no answer from Cassandra" in detail for detail in missing.values())
    assert system.client.get("/ready").status_code == 503
    decide(system, 1)
    assert system.client.post("/v1/events", json=payment(2)).status_code == 202
    for path in ("scores/customer_id/c1", "decisions/1", "flagged"):
        began = time.perf_counter()
        answer = system.client.get(f"/v1/{path}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), path
        assert time.perf_counter() - began < 1.0
    assert system.client.put("/v1/policy", content=OTHER_POLICY).json()["release"] == 2
    decide(system, 3)


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
