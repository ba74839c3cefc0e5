"""Ports are free when they are said to be."""

import concurrent.futures
import pathlib
import socket

import pytest

from deploy.machine.ports import CHOSEN, free_ports, is_open, require_free
from foundation.refusal import Refusal


@pytest.fixture
def given_ports(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """The file that says which ports were given out, which is not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "weir").mkdir()
    return tmp_path / "weir" / "given-ports"


def test_free_ports_are_different_and_can_be_listened_on() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        require_free(port, "a test")


def test_a_port_is_not_given_to_another_before_its_server_had_time_to_listen(
    given_ports: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.machine.ports.CHOSEN", CHOSEN[:400])
    with concurrent.futures.ThreadPoolExecutor(4) as callers:
        given = [port for ports in callers.map(free_ports, [5] * 40) for port in ports]
    assert len(set(given)) == 200


def test_a_port_is_given_again_after_a_while(given_ports: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.machine.ports.CHOSEN", [free_ports(1)[0]])
    [port] = free_ports(1)
    with pytest.raises(Refusal, match="too few free ports"):
        free_ports(1)
    monkeypatch.setattr("deploy.machine.ports.KEPT_S", 0.0)
    assert free_ports(1) == [port]


@pytest.mark.parametrize("content", [b"", b"torn", bytes(8 * len(CHOSEN))])
def test_what_stands_in_the_file_of_given_ports_stops_nobody(given_ports: pathlib.Path, content: bytes) -> None:
    given_ports.write_bytes(content)
    assert len(set(free_ports(3) + free_ports(3))) == 6


def test_without_a_place_for_given_ports_there_are_still_free_ones(given_ports: pathlib.Path) -> None:
    given_ports.symlink_to("/etc/passwd")
    assert len(free_ports(3)) == 3


def test_no_outgoing_connection_can_take_a_free_port_before_its_use() -> None:
    first = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    if first <= CHOSEN[-1]:
        pytest.skip(f"this machine gives outgoing connections ports from {first} on")
    assert max(free_ports(20)) < first


def test_more_free_ports_than_there_are_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.machine.ports.CHOSEN", CHOSEN[:3])
    with pytest.raises(Refusal, match=r"ports 20000 to 20002: too few free ports: expected 4 free ports"):
        free_ports(4)


def test_a_taken_port_is_refused_with_its_number_and_its_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert is_open(port)
        with pytest.raises(Refusal, match=f"port {port} of 127.0.0.1: port cannot be used: expected a free port for the api"):
            require_free(port, "the api")
