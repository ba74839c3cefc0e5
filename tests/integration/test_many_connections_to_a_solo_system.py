"""Ten thousand connections at once to a solo system: it refuses most, its memory stays bounded, and others are answered meanwhile."""

import contextlib
import errno
import json
import pathlib
import resource
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from deploy.command import DEMO_CONFIG
from deploy.local.solo_stack import SoloStack
from deploy.machine.ports import free_ports
from foundation.settings import Settings

CONNECTIONS = 10_000
TOKEN = "the-token-of-a-system-with-many-callers"
USUAL_DESCRIPTORS = 1_024
MEMORY_MB_MAX = 300
"""What the process may take more while so many connections come: some 20 KB for each that is taken."""


@contextlib.contextmanager
def descriptors(count: int) -> Iterator[None]:
    """Meanwhile this process, and those that it starts, may have so many open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def solo(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoloStack]:
    """One that was started where a shell lets 1,024 descriptors be open."""
    monkeypatch.setenv("WEIR_TOKEN", TOKEN)
    running = SoloStack(Settings(runtime="solo", folder=str(tmp_path), api_port=free_ports(1)[0]), DEMO_CONFIG)
    with descriptors(USUAL_DESCRIPTORS):
        running.start()
    try:
        yield running
    finally:
        running.stop()


def memory_mb(pid: int) -> float:
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Rss:")) / 1024


def payment(id: int) -> bytes:
    fields = {"payment_id": id, "at": int(time.time() * 1000), "customer_id": "c1", "terminal_id": "t1", "device_id": "d1"}
    return json.dumps(fields | {"amount": 12.5, "currency": "EUR", "merchant_category": "books"}).encode()


def opened(port: int) -> socket.socket:
    """A connection that is being made, and on which nothing is ever asked."""
    made = socket.socket()
    made.setblocking(False)
    assert made.connect_ex(("127.0.0.1", port)) in (0, errno.EINPROGRESS)
    return made


def test_ten_thousand_connections_at_once_take_bounded_memory_and_a_caller_that_is_there_is_answered(solo: SoloStack) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < CONNECTIONS + USUAL_DESCRIPTORS:
        pytest.skip(f"this process may have only {hard} descriptors open")
    api, port = solo.process("api"), solo.settings.api_port
    address = f"http://127.0.0.1:{port}"
    with (
        descriptors(hard),
        contextlib.ExitStack() as connections,
        httpx.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=60) as there,
    ):
        assert there.post("/v1/decisions", content=payment(0)).status_code == 200
        before, most = memory_mb(api.pid), 0.0
        for number in range(CONNECTIONS):
            connections.enter_context(contextlib.closing(opened(port)))
            if number % 1_000 == 999:
                assert there.post("/v1/decisions", content=payment(number)).status_code == 200
                most = max(most, memory_mb(api.pid))
        assert most - before < MEMORY_MB_MAX
        print(f"{CONNECTIONS} connections: {most - before:.0f} MB more than {before:.0f} MB")
    assert api.running()
    assert solo.keep_running() == []
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=60) as later:
        assert later.post("/v1/decisions", content=payment(CONNECTIONS)).status_code == 200
