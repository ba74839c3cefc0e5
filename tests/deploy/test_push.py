"""What `weir push` says when the api cannot take a configuration; that it takes one is shown in tests/integration."""

import http.server
import pathlib
import threading
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from deploy.api_commands.push import push
from deploy.command import SAMPLES, main
from deploy.local.releases import read_folder
from deploy.machine.ports import free_ports
from foundation.refusal import Refusal
from foundation.settings import Settings

FOLDER = str(SAMPLES / "payments")


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> Settings:
    """A system whose token is there and whose api is not."""
    (tmp_path / "token").write_text("a-token-for-the-tests\n")
    return Settings(folder=str(tmp_path), api_port=free_ports(1)[0])


@pytest.fixture
def another_program(settings: Settings) -> Iterator[http.server.HTTPServer]:
    """A web server on the api's port that knows nothing of releases."""
    server = http.server.HTTPServer(("127.0.0.1", settings.api_port), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def refusal(settings: Settings) -> Refusal:
    with pytest.raises(Refusal) as refused:
        push(settings, read_folder(SAMPLES / "payments"))
    return refused.value


def test_an_api_that_does_not_run_is_named_with_its_address_and_what_starts_it(settings: Settings) -> None:
    found = refusal(settings)
    assert (found.what, found.where) == ("the api does not answer", f"http://127.0.0.1:{settings.api_port}/v1/releases")
    assert "weir up" in found.remedy


def test_another_program_on_the_port_is_not_taken_for_the_api(settings: Settings, another_program: http.server.HTTPServer) -> None:
    found = refusal(settings)
    assert found.what == "not an answer of the api"
    assert found.got.startswith("501")


def test_a_missing_token_is_named_and_none_is_made(settings: Settings) -> None:
    settings.path("token").unlink()
    found = refusal(settings)
    assert (found.what, found.where) == ("the token cannot be read", str(settings.path("token")))
    assert not settings.path("token").exists()


def test_the_command_ends_with_the_refusal_and_status_2(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIR_FOLDER", settings.folder)
    monkeypatch.setenv("WEIR_API_PORT", str(settings.api_port))
    result = CliRunner().invoke(main, ["push", FOLDER])
    assert result.exit_code == 2
    assert result.output.startswith("weir: http://127.0.0.1:")
    assert "the api does not answer" in result.output
