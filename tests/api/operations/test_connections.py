"""Callers that are slow, silent, endless or speak something else, on real sockets."""

import pathlib
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from api_imitation import TOKEN, Api
from served import exchange, rest_of, served

from api import protocol

AUTHORIZED = b"authorization: Bearer " + TOKEN.encode() + b"\r\n"
PROBLEM = b"content-type: application/problem+json"


@pytest.fixture
def port(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a server whose patience is 0.3 s."""
    for name in ("HEAD_SECONDS_MAX", "BODY_SECONDS_MAX", "IDLE_SECONDS_MAX", "CLOSING_SECONDS_MAX"):
        monkeypatch.setattr(protocol, name, 0.3)
    api = Api(tmp_path)
    with served(api) as port:
        yield port
    api.decisions.close()
    api.database.close()


def is_up(port: int) -> bool:
    return exchange(port, b"GET /health HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("parts", [[], [b"GET /health HTTP/1.1\r\n", b"host: x\r\n"], [b"\r\n"] * 4, [b"G"]])
def test_a_head_that_does_not_end_ends_the_connection(port: int, parts: list[bytes]) -> None:
    answer = exchange(port, *parts, pause_seconds=0.05)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert PROBLEM in answer
    assert is_up(port)


def test_a_head_that_trickles_in_is_not_waited_for_although_something_comes_all_the_time(port: int) -> None:
    began = time.monotonic()
    answer = exchange(port, b"GET /health HTTP/1.1\r\n", *[b"x: y\r\n"] * 60, pause_seconds=0.05)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 15


def test_an_idle_connection_is_closed_and_not_before_callers_and_proxies_close_theirs(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = exchange(port, b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")  # it ends with the connection
    assert answer.startswith(b"HTTP/1.1 200 ") and b"408" not in answer
    monkeypatch.undo()
    assert protocol.IDLE_SECONDS_MAX > 60 > (httpx.Limits().keepalive_expiry or 0)


def test_the_head_of_a_second_request_is_bounded_like_the_first(port: int) -> None:
    answer = exchange(port, b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n", b"GET /hea", *[b"l"] * 30, pause_seconds=0.05)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


@pytest.mark.parametrize("path", [b"/v1/events", b"/v1/decisions", b"/v1/policy:bypass"])
@pytest.mark.parametrize("body", [[], [b"{"], [b" "] * 40])
def test_a_body_that_does_not_end_is_answered_and_ends_the_connection(port: int, path: bytes, body: list[bytes]) -> None:
    head = b"POST " + path + b" HTTP/1.1\r\nhost: x\r\n" + AUTHORIZED + b"content-length: 500\r\n\r\n"
    answer = exchange(port, head, *body, pause_seconds=0.02)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert PROBLEM in answer
    assert is_up(port)


def test_a_body_behind_its_answer_is_not_read_for_ever(port: int) -> None:
    head = b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n"
    answer = exchange(port, head, *[b" "] * 100, pause_seconds=0.02)
    assert answer.startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    "head", [b"x: " + b"y" * 300_000, b"".join(b"h%d: 1\r\n" % number for number in range(200)), b"x" * 200_000 + b": 1"],
    ids=["a long header", "many headers", "a long name"],
)  # fmt: skip
@pytest.mark.parametrize("size", [1 << 20, 10_000])
def test_a_flood_of_headers_is_refused_however_it_is_cut(port: int, head: bytes, size: int) -> None:
    whole = b"GET /health HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n\r\n"
    answer = exchange(port, *[whole[at : at + size] for at in range(0, len(whole), size)])
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert is_up(port)


def test_headers_without_an_end_are_refused(port: int) -> None:
    answer = exchange(port, b"GET /health HTTP/1.1\r\n", *[b"x: " + b"y" * 5_000 + b"\r\n"] * 400)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert is_up(port)


@pytest.mark.parametrize(
    "request_", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60, b"GET\r\n\r\n", b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
                 b"GET / HTTP/9.9\r\n\r\n", b"CONNECT x:1 HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                 b"GET /a\x00b HTTP/1.1\r\n\r\n",
                 b"POST / HTTP/1.1\r\ncontent-length: -5\r\n\r\n", b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nZZZ\r\n",
                 b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\nabc"],
)  # fmt: skip
def test_what_is_no_http_is_answered_with_a_problem_or_not_at_all(port: int, request_: bytes) -> None:
    answer = exchange(port, request_)
    assert answer == b"" or (answer.split(b" ")[1] in (b"400", b"404", b"405", b"408") and PROBLEM in answer), answer
    assert is_up(port)


@pytest.mark.parametrize(
    "path", ["/v1/scores/customer/%ff%fe", "/v1/scores/customer/..%2f..%2fetc%2fpasswd", "/v1/scores/customer/%00", "/v1/scores/%2e%2e/x",
             "/v1/entities/customer/%c0%ae%c0%ae", "/v1/decisions/" + "x" * 20_000, "/v1/scores/customer/%", "/v1/scores/customer/%zz",
             "/v1/policy/versions/%27%20OR%201=1", "/v1/lists/..%2fpolicy", "/v1/releases/..;/", "//v1//policy", "/v1/policy/",
             "/v1/./policy",
             "/v1/flagged?cursor=%ff", "/v1/flagged?limit=1&limit=%00", "/v1/flagged?action=review%00"],
)  # fmt: skip
def test_a_strange_path_finds_nothing_and_breaks_nothing(port: int, path: str) -> None:
    answer = exchange(port, f"GET {path} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n".encode() + AUTHORIZED + b"\r\n")
    assert answer.split(b" ")[1] in (b"404", b"422"), answer[:300]
    assert PROBLEM in answer
    assert b"evil.example" not in answer


@pytest.mark.slow
def test_a_caller_that_reads_nothing_keeps_no_connection(port: int) -> None:
    text = b"card-000000\n" * 1_000_000
    head = b"PUT /v1/lists/large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + AUTHORIZED + b"content-length: %d\r\n\r\n" % len(text)
    assert exchange(port, head + text).startswith(b"HTTP/1.1 200 ")
    with socket.create_connection(("127.0.0.1", port)) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        lazy.sendall(b"GET /v1/lists/large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + AUTHORIZED + b"\r\n")
        time.sleep(1.5)
        lazy.settimeout(60)
        assert len(rest_of(lazy)) < len(text)


def test_watchers_of_the_stream_get_what_comes_and_their_places_are_free_when_they_go(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as watcher:
        watcher.sendall(b"GET /v1/stream HTTP/1.1\r\nhost: x\r\n" + AUTHORIZED + b"\r\n")
        head = watcher.recv(65_536)
        assert head.startswith(b"HTTP/1.1 200 ") and b"content-type: text/event-stream" in head
        assert figure(port, b"weir_api_stream_clients") == b"1.0"
    deadline = time.monotonic() + 60
    while figure(port, b"weir_api_stream_clients") != b"0.0":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def figure(port: int, name: bytes) -> bytes:
    """What ``/metrics`` says of `name`."""
    [line] = [line for line in exchange(port, b"GET /metrics HTTP/1.0\r\n\r\n").split(b"\n") if line.startswith(name + b" ")]
    return line.partition(b" ")[2]
