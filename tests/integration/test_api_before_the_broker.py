"""An API process that starts while the broker is away answers with the fallback, and goes on by itself once the broker is there."""

import pathlib

import httpx
import pytest
from api_process import TEXTS, TOKEN, Echo, payment, start_api
from score_job_runs import wait_for

from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.broker import start_broker
from deploy.servers.topics import make_topics
from foundation.settings import Settings
from stores.relational.database import Database
from stores.relational.definitions import RelationalRegistry
from stores.relational.place import place_of


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> Settings:
    """Of a system whose registry has one published release, and whose broker is not there."""
    port, api_port, flink_port = free_ports(3)
    made = Settings(bootstrap=f"127.0.0.1:{port}", folder=str(tmp_path), api_port=api_port, flink_port=flink_port)
    database = Database(place_of(made))
    registry = RelationalRegistry(database)
    parts = {part: registry.put(part, text, "test", 1) for part, text in TEXTS.items()}
    registry.published(registry.release(parts, "test", 1))
    database.close()
    return made


def test_callers_get_the_fallback_and_afterwards_decisions_without_another_start(settings: Settings, tmp_path: pathlib.Path) -> None:
    headers = {"authorization": f"Bearer {TOKEN}"}
    url = f"http://127.0.0.1:{settings.api_port}"
    with Processes() as processes, httpx.Client(base_url=url, headers=headers, timeout=240, trust_env=False) as client:
        api = processes.add(start_api(settings))
        answer = client.post("/v1/decisions?deadline_ms=100", json=payment(1)).json()
        assert (answer["flags"], answer["action"], answer["release"]) == (["degraded"], "approve", 1)
        assert client.put("/v1/policy", content=TEXTS["policy"] + "# changed\n").status_code == 503
        wait_for(lambda: client.get("/ready").json()["parts"]["broker"]["detail"] != "", 30, "/ready does not name the broker")
        port = int(settings.bootstrap.rpartition(":")[2])
        processes.add(start_broker(tmp_path / "kafka", tmp_path / "logs", port, free_ports(1)[0]))
        make_topics(settings)
        echo = Echo(settings)
        try:
            wait_for(
                lambda: client.post("/v1/decisions?deadline_ms=5000", json=payment(2)).json()["flags"] == [],
                60,
                "no decision with the broker",
            )
        finally:
            echo.stop()
        assert client.put("/v1/policy", content=TEXTS["policy"] + "# changed\n").json()["release"] == 2
        assert api.running()
