"""The API process on a real broker, with a thread in place of the score job."""

import time
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from api_process import TEXTS, TOKEN, Echo, payment, start_api

from api.http.health import NOT_CHECKED, PARTS
from api.kafka.following import Following
from deploy.local.releases import publish
from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.topics import make_topics
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of


@pytest.fixture(scope="module")
def settings(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A system's settings with topics of its own and the sample `payments` in force."""
    api_port, flink_port = free_ports(2)
    made = Settings(
        bootstrap=broker, topic_prefix="api-test.", folder=str(tmp_path_factory.mktemp("api")), api_port=api_port, flink_port=flink_port
    )
    make_topics(made)
    publish(made, TEXTS)
    return made


@pytest.fixture(scope="module")
def echo(settings: Settings) -> Iterator[Echo]:
    """The responder."""
    responder = Echo(settings)
    yield responder
    responder.stop()


@pytest.fixture(scope="module")
def running(settings: Settings, echo: Echo) -> Iterator[Processes]:
    """The API, running."""
    with Processes() as processes:
        processes.add(start_api(settings))
        yield processes


@pytest.fixture
def client(settings: Settings, running: Processes) -> Iterator[httpx.Client]:
    """A caller with the token."""
    url = f"http://127.0.0.1:{settings.api_port}"
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=240) as made:
        yield made


def test_a_topic_that_is_not_there_is_refused_by_name(settings: Settings) -> None:
    following = Following(connection_of(settings), settings.topic("none"), "replies", lambda records: None)
    try:
        with pytest.raises(Refusal, match=r"api-test\.none: the topic replies cannot be read"):
            following.assign(from_end=True)
    finally:
        following.close()


def test_an_event_without_an_answer_gets_the_fallback_and_is_on_the_topic(client: httpx.Client, echo: Echo) -> None:
    echo.muted = True
    try:
        answer = client.post("/v1/decisions?deadline_ms=100", json=payment(900))
    finally:
        echo.muted = False
    assert (answer.json()["flags"], answer.json()["action"]) == (["degraded"], "approve")
    assert answer.json()["elapsed_ms"] >= 99
    assert any(msgspec.json.decode(value)["payment_id"] == 900 for value in echo.seen)


def test_ready_names_the_part_that_is_missing(client: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    missing = set(PARTS)
    while missing != {"score_job"} and time.monotonic() < deadline:
        time.sleep(0.1)
        answer = client.get("/ready")
        parts = answer.json()["parts"]
        missing = {name for name, part in parts.items() if not part["ok"]} - {"metrics"}
    assert missing == {"score_job"}
    assert NOT_CHECKED not in parts["score_job"]["detail"]
    assert answer.status_code == 503
    assert set(parts) == set(PARTS)


def test_the_token_is_in_no_log(settings: Settings, client: httpx.Client) -> None:
    client.get("/v1/flagged", headers={"authorization": f"Bearer {TOKEN}wrong"})
    assert TOKEN not in "".join(file.read_text() for file in settings.path("logs").iterdir())


def test_after_a_kill_the_api_comes_back_with_what_was_in_force(settings: Settings, running: Processes, client: httpx.Client) -> None:
    before = client.get("/v1/policy").headers["weir-release"]
    [process] = running.all
    process.kill()
    running.forget(process)
    running.add(start_api(settings))
    assert client.get("/v1/policy").headers["weir-release"] == before
    assert client.post("/v1/decisions?deadline_ms=5000", json=payment(2)).json()["flags"] == []
