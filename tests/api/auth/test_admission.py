"""A token that no longer counts ends what it began."""

import socket
import time

import httpx
import pytest
from api_imitation import TOKEN, Api
from served import served

from api.auth import authenticator, rejection_log
from api.auth.authenticator import REVOKED_SECONDS_MAX
from api.auth.provider import jwks
from api.auth.rejection_log import LINES_MAX, RejectionLog

SECONDS_MAX = 60.0
"""Far more than the five seconds that a revocation takes: the machine may be busy."""


def calling(port: int) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {TOKEN}"}, timeout=SECONDS_MAX)


def new_token(caller: httpx.Client, name: str, expires_at_ms: int | None = None) -> str:
    made = caller.post("/v1/tokens", json={"name": name, "roles": ["reader"], "expires_at_ms": expires_at_ms}).raise_for_status()
    token: str = made.json()["token"]
    return token


def watch(port: int, token: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX)
    connection.sendall(f"GET /v1/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n".encode())
    assert b"200 OK" in connection.recv(65_536)
    return connection


def read_to_the_end(connection: socket.socket) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while connection.recv(65_536):  # a heartbeat each ten seconds
        assert time.monotonic() < deadline, "the stream goes on"


def wait_until_left(api: Api) -> None:
    """Returns once no watcher keeps its place."""
    deadline = time.monotonic() + SECONDS_MAX
    while len(api.stream):
        assert time.monotonic() < deadline, "a watcher that is gone keeps its place"
        time.sleep(0.01)


def test_an_open_stream_ends_when_its_token_is_revoked_and_others_go_on(api: Api) -> None:
    with served(api) as port, calling(port) as caller:
        going, staying = (watch(port, new_token(caller, name)) for name in ("going", "staying"))
        caller.delete("/v1/tokens/going").raise_for_status()
        with going, staying:
            read_to_the_end(going)
            assert len(api.stream) == 1
            with pytest.raises(httpx.HTTPStatusError, match="401"):
                httpx.get(
                    f"{caller.base_url}/v1/flagged", headers={"authorization": "Bearer going"}, timeout=SECONDS_MAX
                ).raise_for_status()


def test_a_stream_ends_when_another_process_revoked_its_token(api: Api) -> None:
    with served(api) as port, calling(port) as caller:
        with watch(port, new_token(caller, "going")) as going:
            api.access.tokens.revoke("going", api.now_ms)
            began = time.monotonic()
            read_to_the_end(going)
            wait_until_left(api)
        print(f"the stream ended after {time.monotonic() - began:.1f} s; the bound is {REVOKED_SECONDS_MAX} s and a second")


def test_a_stream_ends_with_its_token(api: Api) -> None:
    with served(api) as port, calling(port) as caller, watch(port, new_token(caller, "short", api.now_ms + 60_000)) as going:
        api.now_ms += 61_000
        read_to_the_end(going)
        wait_until_left(api)


async def test_every_answer_says_that_it_is_what_it_says_and_is_not_to_be_kept(api: Api) -> None:
    api.answer_all()
    asked = [
        ("GET", "/health"), ("GET", "/ready"), ("GET", "/metrics"), ("GET", "/v1/openapi.json"), ("GET", "/v1/policy"),
        ("GET", "/v1/scores/customer/c1"), ("POST", "/v1/decisions"), ("GET", "/v1/nothing"), ("PUT", "/v1/policy"),
        ("GET", "/v1/decisions/9"),
    ]  # fmt: skip
    for headers in ({}, {"authorization": "Bearer wrong"}):
        for method, path in asked:
            answer = await api.client.request(method, path, headers=headers, content=b"{" if method != "GET" else None)
            assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store"), (method, path)


async def test_ready_tells_strangers_what_is_not_well_and_callers_why(api: Api) -> None:
    api.health.found("store", "no answer from 10.0.0.7:9042")
    told = await api.client.get("/ready")
    assert told.json()["parts"]["store"]["detail"] == "no answer from 10.0.0.7:9042"
    for headers in ({"authorization": ""}, {"authorization": "Bearer wrong"}):
        stranger = await api.client.get("/ready", headers=headers)
        assert stranger.status_code == told.status_code == 503
        part = stranger.json()["parts"]["store"]
        assert (part["ok"], part["detail"]) == (False, "")
        assert "10.0.0.7" not in stranger.text


def test_a_flood_from_many_hosts_has_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    log = RejectionLog(lambda: now[0])
    for number in range(50_000):
        log.note("unknown", f"10.0.{number >> 8 & 255}.{number & 255}:{number}")
    assert len(caplog.records) == LINES_MAX + 1
    assert len(log._said) == LINES_MAX + 1
    now[0] += rejection_log.LOG_SECONDS
    caplog.clear()
    log.note("unknown", "203.0.113.9:1")
    assert len(log._said) == 1
    assert f"{50_000 - LINES_MAX - 1:,} more callers from other hosts were not let in before: unknown" in caplog.text
    assert "a caller from 203.0.113.9:1 was not let in: unknown" in caplog.text


def test_a_key_that_its_provider_withdrew_counts_for_five_minutes_at_most() -> None:
    assert 2 * authenticator.SIGNED_SECONDS_MAX + jwks.REFRESH_SECONDS_MAX <= 300
