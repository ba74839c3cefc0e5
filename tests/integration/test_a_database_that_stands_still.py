"""A PostgreSQL that stands still: callers who were proved go on, others are put off, and nobody else waits."""

import asyncio
import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from weir_up import children_of

from api.auth.access import open_access
from api.auth.authenticator import REVOKED_SECONDS_MAX, Authenticator
from api.auth.token_verifier import StoredTokenVerifier
from api.http.metrics import ApiMetrics
from api.http.problem import Problem
from deploy.command import main
from deploy.local.stack import settings_as_environment
from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.postgresql import URL_FILE, start_postgresql
from foundation.settings import Settings
from stores.audit import Fact, verify
from stores.decisions import StoreUnavailableError
from stores.relational.database import Database
from stores.relational.place import place_of
from stores.tokens import StoredToken, new_token, token_hash

OWNER = "token-of-the-owner-of-this-test"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Settings]]:
    """A server of its own, which the test stops and lets go on."""
    folder = tmp_path_factory.mktemp("own-server")
    [port] = free_ports(1)
    with Processes() as processes:
        process = processes.add(start_postgresql(folder, folder / "logs", port))
        yield process, Settings(folder=str(folder), database_url_file=str(folder.joinpath(*URL_FILE)))


@contextlib.contextmanager
def standing_still(process: Process) -> Iterator[None]:
    """All processes of a server, by their ids: each connection has one of its own, in a group of its own."""
    pids = [process.pid, *children_of(process.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_a_server_that_stands_still_and_comes_back(server: tuple[Process, Settings]) -> None:
    process, settings = server
    database = await asyncio.to_thread(Database, place_of(settings))
    access = await asyncio.to_thread(open_access, database, settings, OWNER, time.time)
    moved = 0.0
    verifier = StoredTokenVerifier(access.tokens, time.time)
    authenticator = Authenticator([verifier], ApiMetrics().count_rejected, time.time, lambda: time.monotonic() + moved)
    token = new_token()
    access.tokens.add(StoredToken("payments", token_hash(token), ("system",), "owner", 1))

    async def status(text: str) -> int:
        header = f"Bearer {text}".encode()
        try:
            assert authenticator.known(header) or await authenticator.identify(header, "203.0.113.9:4711")
        except Problem as problem:
            return problem.status
        return 200

    assert [await status(each) for each in (token, OWNER, new_token())] == [200, 200, 401]
    with standing_still(process):
        moved += REVOKED_SECONDS_MAX
        asked = [asyncio.create_task(status(each)) for each in (token, new_token(), OWNER)]
        ticks = 0
        while not all(task.done() for task in asked):
            await asyncio.sleep(0.005)
            ticks += 1
        assert [task.result() for task in asked] == [200, 503, 200]
        assert ticks > 5
        assert authenticator.known(f"Bearer {token}".encode()) is not None  # at once, without asking the server
        with pytest.raises(StoreUnavailableError):
            await asyncio.to_thread(access.tokens.revoke, "payments", 2)
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            await asyncio.to_thread(access.audit.append, Fact(1, "payments", ("system",), "PUT", "intent"))
        assert time.monotonic() - began < 30  # two waits of a few seconds each, on a busy machine
    for _ in range(100):
        try:
            revoked = await asyncio.to_thread(access.tokens.revoke, "payments", 3)
            break
        except StoreUnavailableError:
            await asyncio.sleep(0.2)
    assert revoked is not None and revoked.revoked_at_ms in (2, 3)
    moved += REVOKED_SECONDS_MAX
    while await status(token) != 401:
        await asyncio.sleep(0.1)
    assert await status(OWNER) == 200
    assert verify(access.audit.walk()).broken is None
    await authenticator.close()
    database.close()


def test_the_command_verifies_the_log_in_postgresql(server: tuple[Process, Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    _, settings = server
    for name, value in settings_as_environment(settings).items():
        monkeypatch.setenv(name, value)
    found = CliRunner().invoke(main, ["audit", "verify"])
    assert (found.exit_code, found.stdout[:9]) == (0, "entries: ")
    monkeypatch.setenv("WEIR_DATABASE_URL", "postgresql://weir:secret-word@127.0.0.1:9/weir")
    refused = CliRunner().invoke(main, ["audit", "verify"])
    assert (refused.exit_code, "secret-word" in refused.output) == (2, False)
    assert not pathlib.Path(settings.folder, "weir.db").exists()
