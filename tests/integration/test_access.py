"""Who may do what, on real processes: two of the api on one broker and one folder, and an identity provider beside."""

import contextlib
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from api_process import start_api
from click.testing import CliRunner, Result
from identity_provider import Provider

from api.auth.access import walk_audit
from deploy.command import SAMPLES, main
from deploy.local.releases import publish, read_folder
from deploy.local.stack import settings_as_environment
from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.topics import make_topics
from foundation.settings import Settings, read_settings

TEXTS = read_folder(SAMPLES / "payments")
OWNER = "token-of-the-owner-of-this-test"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def settings(broker: str, tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Settings:
    api_port, flink_port = free_ports(2)
    made = Settings(
        bootstrap=broker, topic_prefix="access.", folder=str(tmp_path_factory.mktemp("access")), api_port=api_port, flink_port=flink_port,
        oidc_issuer=provider.issuer, oidc_audience="weir", oidc_roles="fraud-desk=analyst",
    )  # fmt: skip
    make_topics(made)
    publish(made, TEXTS)
    return made


@pytest.fixture(scope="module")
def running(settings: Settings) -> Iterator[Processes]:
    with Processes() as processes:
        processes.add(start_api(settings, OWNER))
        yield processes


@pytest.fixture
def weir(settings: Settings, running: Processes, monkeypatch: pytest.MonkeyPatch) -> "Weir":
    for name, value in (settings_as_environment(settings) | {"WEIR_TOKEN": OWNER}).items():
        monkeypatch.setenv(name, value)
    return Weir(settings.api_port)


class Weir:
    """The command and the API of the running system."""

    def __init__(self, port: int) -> None:
        self.port = port

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    def new_token(self, name: str, *arguments: str) -> str:
        result = self.run("tokens", "create", name, *arguments)
        assert result.exit_code == 0, result.output
        return result.stdout.strip()

    def ask(self, method: str, path: str, token: str, port: int = 0, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"}
        return httpx.request(method, f"http://127.0.0.1:{port or self.port}{path}", headers=headers, timeout=240, **more)


def test_what_came_into_being_before_the_api_is_in_the_log_too(weir: Weir) -> None:
    first = weir.ask("GET", "/v1/audit?limit=500", OWNER).json()["entries"][:-3:-1]
    assert [(entry["by"], entry["action"], entry["subject"]) for entry in first] == [
        ("owner", "start", "token owner"), ("start", "found", "release 1, found on the control topic"),
    ]  # fmt: skip


def test_a_token_is_made_listed_used_and_revoked_by_the_command(weir: Weir) -> None:
    token = weir.new_token("desk", "--role", "reader", "--role", "analyst", "--expires", "90d")
    assert token.startswith("weir_") and "\n" not in token
    assert weir.ask("GET", "/v1/flagged", token).status_code == 200
    assert weir.ask("PUT", "/v1/policy", token, content=TEXTS["policy"]).status_code == 403
    listed = weir.run("tokens", "list").stdout
    assert "reader, analyst" in listed and "by owner, until 20" in listed and token not in listed
    assert weir.run("tokens", "revoke", "desk").stdout == "desk is revoked\n"
    assert weir.ask("GET", "/v1/flagged", token).status_code == 401
    again = weir.run("tokens", "create", "desk", "--role", "reader")
    assert again.exit_code == 2 and "taken" in again.stderr


@pytest.mark.parametrize(
    "arguments", [("x", "--role", "root"), ("x", "--role", "reader", "--expires", "soon"), ("a b", "--role", "reader")]
)
def test_a_bad_wish_for_a_token_is_refused_by_the_command(weir: Weir, arguments: tuple[str, ...]) -> None:
    result = weir.run("tokens", "create", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("weir: ")


def test_a_token_that_another_process_revoked_ends_within_five_seconds_in_this_one(weir: Weir, settings: Settings) -> None:
    [port] = free_ports(1)
    other = msgspec.structs.replace(settings, api_port=port, api_instance="api-2")
    with Processes() as processes:
        processes.add(start_api(other, OWNER, "api-2"))
        token = weir.new_token("both", "--role", "reader")
        assert [weir.ask("GET", "/v1/flagged", token, each).status_code for each in (0, port)] == [200, 200]
        weir.run("tokens", "revoke", "both")
        began = time.monotonic()
        while weir.ask("GET", "/v1/flagged", token, port).status_code == 200:
            assert time.monotonic() - began < 120.0
            time.sleep(0.05)
        assert weir.ask("GET", "/v1/flagged", token).status_code == 401
    assert weir.run("audit", "verify").exit_code == 0


def test_a_token_of_the_identity_provider_has_the_role_of_its_group(weir: Weir, provider: Provider) -> None:
    token = provider.token()
    assert weir.ask("GET", "/v1/flagged", token).status_code == 200
    assert weir.ask("PUT", "/v1/policy", token, content="x").status_code == 403
    assert weir.ask("GET", "/v1/flagged", provider.token(aud="another")).status_code == 401
    assert weir.ask("GET", "/v1/flagged", token[:-8] + "AAAAAAAA").status_code == 401


def test_a_release_and_its_record_name_who_made_it(weir: Weir) -> None:
    token = weir.new_token("ann", "--role", "admin")
    put = weir.ask("PUT", "/v1/policy", token, content=TEXTS["policy"] + "# by ann\n").json()
    releases = weir.ask("GET", "/v1/releases", token).json()["releases"]
    assert (releases[0]["id"], releases[0]["by"]) == (put["release"], "ann")
    outcome, intent = weir.ask("GET", "/v1/audit?limit=2", OWNER).json()["entries"]
    assert (intent["by"], intent["action"], intent["phase"]) == ("ann", "PUT /v1/policy", "intent")
    assert (outcome["of"], outcome["status"], outcome["subject"]) == (intent["number"], 200, f"release {put['release']}: policy")
    assert weir.ask("GET", "/v1/audit", weir.new_token("eve", "--role", "author")).status_code == 403


def test_a_killed_process_leaves_the_intent_of_what_it_was_doing_and_an_unbroken_chain(
    weir: Weir, settings: Settings, running: Processes
) -> None:
    def upload(number: int) -> None:
        with contextlib.suppress(httpx.TransportError):
            weir.ask("PUT", "/v1/policy", OWNER, content=TEXTS["policy"] + f"# killed {number}\n")

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    [process] = running.all
    while True:  # it is looked at while it stands still: else what it was doing could be done before the kill
        os.kill(process.pid, signal.SIGSTOP)
        if intents_without_outcome(weir):
            break
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(0.001)
    process.kill()
    running.forget(process)
    for thread in threads:
        thread.join()
    found = intents_without_outcome(weir)
    assert found
    running.add(start_api(settings, OWNER))
    assert weir.ask("PUT", "/v1/policy", OWNER, content=TEXTS["policy"] + "# after\n").status_code == 200
    assert weir.run("audit", "verify").exit_code == 0


def intents_without_outcome(weir: Weir) -> set[int]:
    entries = list(walk_audit(read_settings()))
    return {e.number for e in entries if e.fact().phase == "intent"} - {e.fact().of for e in entries}


def test_the_command_verifies_the_log_and_says_where_it_was_touched(weir: Weir, settings: Settings) -> None:
    whole = weir.run("audit", "verify")
    assert whole.exit_code == 0
    head = whole.stdout.split()[-1]
    assert weir.run("audit", "verify", "--head", head).exit_code == 0
    missing = weir.run("audit", "verify", "--head", "0" * 63 + "1")
    assert (missing.exit_code, "cut off" in missing.stdout) == (1, True)
    connection = sqlite3.connect(settings.path("weir.db"))
    [[said]] = connection.execute("SELECT said FROM audit_entry WHERE number = 1").fetchall()
    connection.execute("UPDATE audit_entry SET said = replace(said, 'owner', 'other') WHERE number = 1")
    connection.commit()
    broken = weir.run("audit", "verify")
    connection.execute("UPDATE audit_entry SET said = ? WHERE number = 1", (said,))
    connection.commit()
    connection.close()
    assert broken.exit_code == 1
    assert broken.stdout.startswith("broken: entry 1 was changed")
    assert weir.run("audit", "verify").exit_code == 0


def test_no_token_is_in_any_file_of_the_system(weir: Weir, settings: Settings, provider: Provider) -> None:
    signed = provider.token(sub="grep")
    tokens = [weir.new_token("grep", "--role", "reader"), OWNER, signed]
    for token in tokens:
        weir.ask("GET", "/v1/flagged", token)
        weir.ask("PUT", "/v1/nothing", token, content=token)
        weir.ask("GET", "/v1/flagged", token + "x")
    files = [file for file in settings.path().rglob("*") if file.is_file()]
    assert len(files) >= 5
    for file in files:
        content = file.read_bytes()
        assert not any(token.encode() in content for token in tokens), file
