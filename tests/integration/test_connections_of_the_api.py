"""The API as a process of its own: callers that draw out their requests are let go, and others are served meanwhile."""

import contextlib
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from api_process import start_api

from deploy.command import SAMPLES
from deploy.local.releases import publish, read_folder
from deploy.local.stack import answers
from deploy.machine.ports import free_ports, is_open
from deploy.machine.processes import Processes
from deploy.servers.topics import make_topics
from foundation.settings import Settings

TOKEN = "token-of-the-connections-test"
HOST = "127.0.0.2"
SLOW = 200


@pytest.fixture(scope="module")
def port(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of an API that has a release."""
    api_port, flink_port = free_ports(2)
    folder = tmp_path_factory.mktemp("connections")
    own = {"folder": str(folder), "api_host": HOST, "api_port": api_port, "flink_port": flink_port}
    settings = Settings(bootstrap=broker, topic_prefix="connections.", **own)  # type: ignore[arg-type]
    make_topics(settings)
    texts = read_folder(SAMPLES / "payments")
    assert publish(settings, texts | {"list:blocked": "card-1\n"}) == 1
    assert publish(settings, texts) == 1, "a list that the folder lacks stays in force"
    with Processes() as processes:
        processes.add(start_api(settings, TOKEN))
        yield api_port


def test_hundreds_that_never_end_their_heads_are_let_go_and_others_are_served_meanwhile(port: int) -> None:
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection((HOST, port), timeout=30)) for _ in range(SLOW)]
        ended: set[int] = set()
        deadline = time.monotonic() + 240
        while len(ended) < SLOW:
            assert time.monotonic() < deadline, f"{SLOW - len(ended)} are still held"
            for number, connection in enumerate(slow):
                if number not in ended and has_ended(connection):
                    ended.add(number)
            assert answers(f"{HOST}:{port}", "/health")
            time.sleep(0.5)


def has_ended(connection: socket.socket) -> bool:
    """Sends a little more of a head; whether the other side has had enough."""
    try:
        connection.sendall(b"GET /health HTTP/1.1\r\nx: y\r\n" if connection.gettimeout() == 30 else b"x: y\r\n")
        connection.settimeout(0.001)
        return connection.recv(4_096) is not None
    except TimeoutError:
        return False
    except OSError:
        return True


def test_a_list_put_before_the_start_is_served_and_a_list_of_the_largest_size_is_taken(port: int) -> None:
    with httpx.Client(base_url=f"http://{HOST}:{port}", headers={"authorization": f"Bearer {TOKEN}"}, timeout=240) as caller:
        before = caller.get("/v1/lists/blocked").json()["entries"]
        assert [(entry["value"], entry["source"]) for entry in before] == [("card-1", "folder")]
        text = "x" * 511 + "\n"
        count = 15_728_640 // len(text)
        answer = caller.put("/v1/lists/blocked", content="".join(f"{number:06d}" + text[6:] for number in range(count)))
        assert answer.status_code == 200, answer.text
        assert (answer.json()["release"], answer.json()["added"], answer.json()["removed"]) == (1, count, 1)
        assert caller.get("/v1/lists").json()["lists"][0]["entries"] == count


def test_it_listens_on_the_address_that_the_settings_name_and_on_no_other(port: int) -> None:
    assert answers(f"{HOST}:{port}", "/health")
    assert not is_open(port)
