"""The API process on a real broker, with a thread in place of the score job."""

import asyncio
import concurrent.futures
import time
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from api_process import TEXTS, TOKEN, Echo, payment, start_api

from api.http.health import NOT_CHECKED, PARTS
from api.kafka.following import Following
from deploy.commands.push import push
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
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=20) as made:
        yield made


def test_a_topic_that_is_not_there_is_refused_by_name(settings: Settings) -> None:
    following = Following(connection_of(settings), settings.topic("none"), "replies", lambda records: None)
    try:
        with pytest.raises(Refusal, match=r"api-test\.none: the topic replies cannot be read"):
            following.assign(from_end=True)
    finally:
        following.close()


def test_a_decision_goes_through_the_broker_and_back(client: httpx.Client) -> None:
    answer = client.post("/v1/decisions?deadline_ms=5000", json=payment(1))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["event_id"], answer.json()["action"], answer.json()["score"]) == ("1", "review", 0.5)


def test_hundreds_of_callers_at_once_get_each_their_own_answer(settings: Settings, client: httpx.Client) -> None:
    async def ask_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(base_url=client.base_url, headers=client.headers, limits=limits, timeout=20) as caller:
            return await asyncio.gather(*(caller.post("/v1/decisions?deadline_ms=9000", json=payment(id)) for id in range(100, 500)))

    found = asyncio.run(ask_all())
    assert [answer.json()["event_id"] for answer in found] == [str(id) for id in range(100, 500)]
    assert all(answer.json()["flags"] == [] for answer in found)


def test_an_event_without_an_answer_gets_the_fallback_and_is_on_the_topic(client: httpx.Client, echo: Echo) -> None:
    echo.muted = True
    try:
        answer = client.post("/v1/decisions?deadline_ms=100", json=payment(900))
    finally:
        echo.muted = False
    assert (answer.json()["flags"], answer.json()["action"]) == (["degraded"], "approve")
    assert answer.json()["elapsed_ms"] >= 99
    assert any(msgspec.json.decode(value)["payment_id"] == 900 for value in echo.seen)


def test_an_event_of_almost_a_mebibyte_gets_through(client: httpx.Client, echo: Echo) -> None:
    body = msgspec.json.encode(payment(901) | {"note": "x" * 1_000_000})
    assert client.post("/v1/events", content=body).status_code == 202
    deadline = time.monotonic() + 10
    while body not in echo.seen and time.monotonic() < deadline:
        time.sleep(0.05)
    assert body in echo.seen


def test_uploads_and_pushes_at_once_get_each_a_release_of_its_own(
    settings: Settings, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_TOKEN", TOKEN)
    before = int(client.get("/v1/policy").headers["weir-release"])

    def upload(number: int) -> int:
        text = TEXTS["policy"] + f"# {number}\n"
        return push(settings, TEXTS | {"policy": text}).release if number % 2 else put_policy(client, text)

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        given = list(threads.map(upload, range(8)))
    assert sorted(given) == list(range(before + 1, before + 9))
    assert push(settings, TEXTS | {"policy": client.get("/v1/policy").text}).changed is False


def put_policy(client: httpx.Client, text: str) -> int:
    return client.put("/v1/policy", content=text).json()["release"]


def test_a_push_that_the_api_refuses_says_what_the_api_says(
    settings: Settings, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEIR_TOKEN", TOKEN)
    before = client.get("/v1/policy").headers["weir-release"]
    schema = TEXTS["schema"].replace("user: customer_id", "user: device_id").replace(", device_id]", ", customer_id]")
    other_user = TEXTS | {"schema": schema}
    answer = client.post("/v1/releases", json=other_user).json()
    with pytest.raises(Refusal) as refused:
        push(settings, other_user)
    assert refused.value.fields() == {name: answer[name] for name in ("what", "where", "expected", "got", "remedy")}
    assert refused.value.what == "identity changed"
    assert client.get("/v1/policy").headers["weir-release"] == before


def test_a_push_with_a_wrong_token_is_refused(settings: Settings, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_TOKEN", TOKEN + "wrong")
    with pytest.raises(Refusal, match="got status 401; the request needs a valid bearer token") as refused:
        push(settings, TEXTS)
    assert TOKEN not in str(refused.value)


def test_ready_names_the_part_that_is_missing(client: httpx.Client) -> None:
    deadline = time.monotonic() + 10
    answer = client.get("/ready")
    while NOT_CHECKED in answer.text and time.monotonic() < deadline:
        time.sleep(0.1)
        answer = client.get("/ready")
    parts = answer.json()["parts"]
    assert answer.status_code == 503
    assert {name for name, part in parts.items() if not part["ok"]} - {"metrics"} == {"score_job"}
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
