"""An API whose PostgreSQL does not run: what it answers meanwhile, and that it finds the server by itself."""

import collections
import pathlib
from collections.abc import Iterator

import pytest
from api_process import TEXTS, Echo, payment, start_api
from api_without_a_store import ApiWithoutAStore, flink_with_the_score_job
from score_job_runs import wait_for

from api.auth.access import walk_audit
from deploy.local.releases import publish
from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.postgresql import URL_FILE, launch_postgresql, start_postgresql
from deploy.servers.topics import make_topics
from foundation.settings import Settings
from stores.audit import verify

FOUND_SECONDS_MAX = 30.0
IN_DATABASE = {"registry", "tokens", "audit"}
OTHER_POLICY = TEXTS["policy"] + "# found while the registry is away\n"


class System(ApiWithoutAStore):
    """The API and, once it is started, its PostgreSQL."""

    def __init__(self, settings: Settings, processes: Processes) -> None:
        super().__init__(settings, processes)
        self._server: Process | None = None
        self.headers_of_ann: dict[str, str] = {}

    def start_server(self) -> None:
        folder = pathlib.Path(self.settings.folder)
        self._server = self.processes.add(start_postgresql(folder, folder / "logs", self.settings.database_port))

    def kill_server(self) -> None:
        """kill -9 of the process that started all others of the server; those end with it."""
        assert self._server is not None
        self._server.kill()
        self.processes.forget(self._server)

    def start_again_without_server(self) -> None:
        for process in list(self.processes.all):
            process.kill()
            self.processes.forget(process)
        self.api = self.processes.add(start_api(self.settings, token=""))

    def entries(self) -> dict[str, int]:
        """How often the audit log says what of no request."""
        entries = list(walk_audit(self.settings))
        assert verify(entries).broken is None
        facts = [entry.fact() for entry in entries]
        return dict(collections.Counter(fact.subject for fact in facts if fact.action in ("start", "found")))


@pytest.fixture(scope="module")
def system(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One on topics of its own, with the sample `payments` in force and nothing on PostgreSQL's port."""
    api_port, port = free_ports(2)
    folder = tmp_path_factory.mktemp("without")
    with Processes() as processes:  # which makes the file with the URL
        processes.add(launch_postgresql(folder, folder / "logs", port))
    with flink_with_the_score_job() as flink_port, Processes() as processes:
        settings = Settings(
            bootstrap=broker, topic_prefix="without.", folder=str(folder), api_port=api_port, flink_port=flink_port,
            database_port=port, database_url_file=str(folder.joinpath(*URL_FILE)),
        )  # fmt: skip
        make_topics(settings)
        publish(settings, TEXTS)
        echo = Echo(settings)
        system = System(settings, processes)
        yield system
        system.client.close()
        processes.stop()
        echo.stop()


def releases(system: System) -> list[int]:
    return [release["id"] for release in system.client.get("/v1/releases").json()["releases"]]


def test_without_it_what_needs_no_store_is_answered_and_the_rest_is_503(system: System) -> None:
    assert system.client.get("/health").status_code == 200
    missing = system.missing()
    assert set(missing) == IN_DATABASE
    assert all("no answer from PostgreSQL" in detail for detail in missing.values())
    system.decide(1)
    assert system.client.post("/v1/events", json=payment(2)).status_code == 202
    for path in ("releases", "tokens", "audit"):
        answer = system.client.get(f"/v1/{path}")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), path
    assert system.client.put("/v1/policy", content=OTHER_POLICY).status_code == 503
    another = system.client.get("/v1/flagged", headers={"authorization": "Bearer of-nobody-who-is-known"})
    assert another.status_code == 503
    assert publish(system.settings, TEXTS | {"policy": OTHER_POLICY}) == 2
    wait_for(lambda: system.client.get("/ready").json()["release"] == 2, 10, "a release is not followed")
    system.decide(3)


def test_once_it_is_there_all_of_it_works_and_nothing_is_missing_or_there_twice(system: System) -> None:
    system.start_server()
    wait_for(lambda: not system.missing(), FOUND_SECONDS_MAX, "PostgreSQL is not found")
    wait_for(lambda: releases(system) == [2, 1], FOUND_SECONDS_MAX, "the releases are not in the registry")
    assert system.client.put("/v1/policy", content=TEXTS["policy"]).json()["release"] == 3
    assert system.client.get("/v1/flagged", headers={"authorization": "Bearer of-nobody-who-is-known"}).status_code == 401
    made = system.client.post("/v1/tokens", json={"name": "ann", "roles": ["reader"]}).json()["token"]
    system.headers_of_ann = {"authorization": f"Bearer {made}"}
    assert system.client.get("/v1/flagged", headers=system.headers_of_ann).status_code == 200
    found = {f"release {id}, found on the control topic": 1 for id in (1, 2)}
    assert system.entries() == found | {"token owner": 1}


def test_when_it_is_killed_known_tokens_and_releases_of_the_control_topic_go_on(system: System) -> None:
    before = system.entries()
    assert system.client.get("/v1/flagged", headers=system.headers_of_ann).status_code == 200
    system.kill_server()
    wait_for(lambda: set(system.missing()) == IN_DATABASE, FOUND_SECONDS_MAX, "the parts do not say that it is away")
    assert system.client.get("/v1/flagged", headers=system.headers_of_ann).status_code == 200
    system.decide(4)
    assert system.client.get("/v1/scores/customer_id/c1").status_code == 404
    for method, path in (("GET", "releases"), ("GET", "audit"), ("PUT", "policy")):
        answer = system.client.request(method, f"/v1/{path}", content=OTHER_POLICY if method == "PUT" else None)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), path
    assert publish(system.settings, TEXTS | {"policy": OTHER_POLICY}) == 4
    wait_for(lambda: system.client.get("/ready").json()["release"] == 4, 10, "a release is not followed")
    system.decide(5)
    system.start_server()
    wait_for(lambda: not system.missing(), FOUND_SECONDS_MAX, "PostgreSQL is not found again")
    wait_for(lambda: releases(system) == [4, 3, 2, 1], FOUND_SECONDS_MAX, "the release is not in the registry")
    assert system.entries() == before | {"release 4, found on the control topic": 1}


def test_another_start_without_it_does_nothing_a_second_time(system: System) -> None:
    before = system.entries()
    system.start_again_without_server()
    system.api.ask_to_stop()
    wait_for(lambda: not system.api.running(), 5, "the api does not end")
    system.start_again_without_server()
    assert set(system.missing()) == IN_DATABASE
    system.decide(6)
    system.start_server()
    wait_for(lambda: not system.missing(), FOUND_SECONDS_MAX, "PostgreSQL is not found")
    assert system.client.put("/v1/policy", content=TEXTS["policy"]).json()["release"] == 5
    assert releases(system) == [5, 4, 3, 2, 1]
    assert system.entries() == before
