"""A node that stands still: callers who were proved go on, others are put off, and nobody else waits."""

import asyncio
import os
import pathlib
import signal
import time
from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest
from click.testing import CliRunner

from api.auth.access import open_access
from api.auth.authenticator import REVOKED_SECONDS_MAX, Gate
from api.auth.token_verifier import TokenProver
from api.http.problem import Problem
from deploy.command import main
from deploy.local.stack import settings_as_environment
from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.cassandra import start_cassandra
from foundation.settings import Settings
from stores.audit import verify
from stores.decisions import StoreUnavailableError
from stores.tokens import StoredToken, new_token, token_hash

OWNER = "token-of-the-owner-of-this-test"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Settings]]:
    """A node of its own, which the test stops and lets go on."""
    folder = tmp_path_factory.mktemp("own-node")
    port, storage_port = free_ports(2)
    with Processes() as processes:
        yield (
            processes.add(start_cassandra(folder, folder / "logs", port, storage_port)),
            Settings(folder=str(folder), store="cassandra", cassandra_port=port),
        )


async def test_a_node_that_stands_still_and_comes_back(node: tuple[Process, Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    process, settings = node
    access = await asyncio.to_thread(open_access, settings, OWNER, time.time)
    failures: Counter[str] = Counter()
    moved = 0.0
    gate = Gate([TokenProver(access.tokens, time.time)], failures, time.time, lambda: time.monotonic() + moved)
    token = new_token()
    access.tokens.add(StoredToken("payments", token_hash(token), ("system",), "owner", 1))

    async def status(text: str) -> int:
        header = f"Bearer {text}".encode()
        try:
            assert gate.known(header) or await gate.identify(header, "203.0.113.9:4711")
        except Problem as problem:
            return problem.status
        return 200

    assert [await status(each) for each in (token, OWNER, new_token())] == [200, 200, 401]
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        moved += REVOKED_SECONDS_MAX
        asked = [asyncio.create_task(status(each)) for each in (token, new_token(), OWNER)]
        ticks = 0
        while not all(task.done() for task in asked):
            await asyncio.sleep(0.005)
            ticks += 1
        assert [task.result() for task in asked] == [200, 503, 200]
        assert ticks > 5
        assert gate.known(f"Bearer {token}".encode()) is not None  # at once, without asking the node
        with pytest.raises(StoreUnavailableError):
            await asyncio.to_thread(access.tokens.revoke, "payments", 2)
    finally:
        os.killpg(process.pid, signal.SIGCONT)
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
    assert verify(access.audit.walk()).entries == 1
    await gate.close()
    access.close()


def test_the_command_verifies_the_log_in_cassandra(node: tuple[Process, Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    _, settings = node
    for name, value in settings_as_environment(settings).items():
        monkeypatch.setenv(name, value)
    found = CliRunner().invoke(main, ["audit", "verify"])
    assert (found.exit_code, found.stdout[:11]) == (0, "entries: 1,")
    nowhere = msgspec.structs.replace(settings, cassandra_port=free_ports(1)[0])
    monkeypatch.setenv("WEIR_CASSANDRA_PORT", str(nowhere.cassandra_port))
    assert CliRunner().invoke(main, ["audit", "verify"]).exit_code == 2
    assert not pathlib.Path(settings.folder, "audit.db").exists()
