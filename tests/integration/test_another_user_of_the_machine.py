"""Another user of the machine reads nothing of a running system and changes nothing."""

import os
import re
import stat
import urllib.error
import urllib.request

import pytest
from another_user import OPENINGS, answers_to, approve_all, as_another_user, ask, content_of, environment_of, open_to_others, topics
from listening import is_of_this_machine_alone, listening
from refusals import REFUSALS

from deploy.local.stack import BACKGROUND, Stack
from pipeline.control.kafka import consumer_of, ends_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


def test_another_user_gets_an_answer_of_what_answers_everybody(stack: Stack, broker: str) -> None:
    """Otherwise the refusals below would say nothing."""
    assert as_another_user(ask, "http", stack.settings.api_port, "/health") == "200"
    assert "Exception" not in as_another_user(topics, [{"bootstrap.servers": broker}])


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/jobs/overview"),
        ("GET", "/jobmanager/config"),
        ("GET", "/jobmanager/logs"),
        ("GET", "/jars"),
        ("POST", "/jars/upload"),
        ("POST", "/jobs"),
    ],
)
def test_flink_answers_nobody_without_its_certificate(stack: Stack, scheme: str, method: str, path: str) -> None:
    said = as_another_user(ask, scheme, stack.settings.flink_port, path, method)
    assert said.startswith(REFUSALS), said


def test_flink_takes_no_jar_and_lets_no_other_page_read_even_from_its_owner(stack: Stack) -> None:
    rest = stack.cluster.rest
    with pytest.raises(urllib.error.HTTPError, match="404"):
        rest.ask("/jars/upload", 10, "POST")
    with urllib.request.urlopen(f"{rest.url}/overview", timeout=10, context=rest.tls()) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] != "*"


PROCESSES = ("broker", "job-manager", "task-manager-1", *BACKGROUND, "api")


def test_all_processes_listen_on_this_machine_alone(stack: Stack) -> None:
    places = {name: listening([stack.process(name).pid]) for name in PROCESSES}
    assert {name: [place for place in found if not is_of_this_machine_alone(place)] for name, found in places.items() if found} == {
        name: [] for name, found in places.items() if found
    }


def test_no_port_of_any_process_says_anything_save_that_of_the_api(stack: Stack) -> None:
    """Flink's RPC, its server of files and what its tasks send each other among them."""
    places = listening([stack.process(name).pid for name in PROCESSES])
    api, rest = stack.settings.api_port, stack.settings.flink_port  # the latter answers in the clear that it answers by TLS, see above
    others = {place.port for place in places} - {api, rest}
    assert len(others) >= 5  # the broker's three, Flink's RPC of both sides, its files, its tasks
    assert as_another_user(answers_to, OPENINGS, sorted(others)) == "[]"
    assert as_another_user(answers_to, OPENINGS, [api]) != "[]"


def test_no_file_of_the_system_can_be_read(stack: Stack) -> None:
    folder = stack.settings.path()
    assert (folder / "token").exists()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert as_another_user(open_to_others, folder) == "[]"
    assert as_another_user(content_of, folder / "token").startswith("PermissionError")


def test_what_the_processes_of_the_system_make_is_closed_by_itself(stack: Stack) -> None:
    """The folder's own mode is not all that protects them."""
    for part in ("weir.db", "decisions.db", "kafka/data", "flink/conf/config.yaml", "flink/keys/client.pem"):
        file = stack.settings.path(part)
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, part


def test_the_environment_of_a_process_cannot_be_read(stack: Stack) -> None:
    assert as_another_user(environment_of, stack.process("api").pid).startswith("PermissionError")


def logins(bootstrap: str) -> list[dict[str, str]]:
    """In the clear, and with what somebody may guess."""
    clear = {"bootstrap.servers": bootstrap}
    guesses = [("SCRAM-SHA-512", "weir", "weir"), ("SCRAM-SHA-512", "owner", "owner"), ("PLAIN", "owner", "owner")]
    return [clear] + [
        {**clear, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": how, "sasl.username": user, "sasl.password": password}
        for how, user, password in guesses
    ]


def test_the_broker_shows_nothing_and_takes_nothing_without_the_password(stack: Stack) -> None:
    ends = stack_ends(stack)
    tried = logins(stack.settings.bootstrap)
    for login, shown in zip(tried, as_another_user(topics, tried).splitlines(), strict=True):
        assert shown.startswith("KafkaException"), login
    for login, refused in zip(tried, as_another_user(approve_all, tried, stack.settings.topic("control")).splitlines(), strict=True):
        assert refused in ("1", "0"), login
    assert stack_ends(stack) == ends


def test_the_brokers_other_ports_show_nothing_without_the_password_of_this_start(stack: Stack) -> None:
    properties = stack.settings.path("kafka", "server.properties").read_text()
    ports = re.findall(r"(?:OWNER|CONTROLLER)://127.0.0.1:([0-9]+)", properties)
    assert len(set(ports)) == 2
    tried = [login for port in sorted(set(ports)) for login in logins(f"127.0.0.1:{port}")]
    for login, shown in zip(tried, as_another_user(topics, tried).splitlines(), strict=True):
        assert shown.startswith("KafkaException"), login


def stack_ends(stack: Stack) -> dict[str, int]:
    """Where topic ``control`` ends, as the owner sees it."""
    consumer = consumer_of(stack.settings, "attacked")
    try:
        return ends_of(consumer, [stack.settings.topic("control")])
    finally:
        consumer.close()
