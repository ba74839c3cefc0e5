"""The API process on a real broker, with a thread in place of the score job."""

import asyncio
import concurrent.futures
import pathlib
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from api.following import Following
from deploy.command import SAMPLES
from deploy.ports import free_ports
from deploy.processes import Process, Processes
from deploy.push import push
from deploy.releases import publish, read_folder
from deploy.stack import settings_as_environment
from deploy.topics import make_topics
from features.refusal import Refusal
from pipeline.settings import Settings

TOKEN = "token-of-the-integration-test"
TEXTS = read_folder(SAMPLES / "payments")


class Echo:
    """Answers each event that wants a reply, after `delay` seconds; `muted` answers none."""

    def __init__(self, settings: Settings) -> None:
        self.muted = False
        self.seen: list[bytes] = []
        self._settings = settings
        self._consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": "echo", "enable.auto.commit": False})
        self._consumer.assign([TopicPartition(settings.topic("events"), number, 0) for number in range(settings.partitions)])
        self._producer = Producer({"bootstrap.servers": settings.bootstrap, "linger.ms": 0})
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._thread.join()
        self._consumer.close()
        self._producer.flush(5)

    def _run(self) -> None:
        while not self._stopping:
            message = self._consumer.poll(0.05)
            if message is None or message.error():
                continue
            self.seen.append(message.value())
            headers = dict(message.headers() or [])
            if "weir-reply" in headers and not self.muted:
                id = str(msgspec.json.decode(message.value())["payment_id"])
                reply = {"event_id": id, "revision": 0, "score": 0.5, "action": "review", "reasons": [], "flags": [], "release": 1}
                self._producer.produce(self._settings.topic("replies"), msgspec.json.encode(reply), headers["weir-reply"])
            self._producer.poll(0)


def start_api(settings: Settings) -> Process:
    """The API as a process of its own, once it answers."""
    environment = settings_as_environment(settings) | {"WEIR_TOKEN": TOKEN}
    process = Process("api", [sys.executable, "-m", "api.server"], environment, settings.path("logs"), pathlib.Path.cwd())
    process.wait_until(lambda: answers(settings), 30, "an answer")
    return process


def answers(settings: Settings) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{settings.api_port}/health", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


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


def payment(id: int) -> dict[str, object]:
    """A payment of the sample configuration, now."""
    return {
        "payment_id": id, "at": int(time.time() * 1000), "customer_id": f"c{id % 7}", "terminal_id": "t1", "device_id": "d1",
        "amount": 10.5, "currency": "EUR", "merchant_category": "5411",
    }  # fmt: skip


def test_a_topic_that_is_not_there_is_refused_by_name(settings: Settings) -> None:
    following = Following(settings.bootstrap, settings.topic("none"), "replies", lambda records: None)
    try:
        with pytest.raises(Refusal, match=r"api-test\.none: replies not readable"):
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
    with pytest.raises(Refusal, match="got 401; a bearer token is needed") as refused:
        push(settings, TEXTS)
    assert TOKEN not in str(refused.value)


def test_ready_names_the_part_that_is_missing(client: httpx.Client) -> None:
    deadline = time.monotonic() + 10
    while (answer := client.get("/ready")).json()["parts"]["broker"]["ok"] is False and time.monotonic() < deadline:
        time.sleep(0.1)
    parts = answer.json()["parts"]
    assert answer.status_code == 503
    found = {name: part["ok"] for name, part in parts.items() if name != "metrics"}
    assert found == {"broker": True, "score_job": False, "store": True, "release": True}


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
