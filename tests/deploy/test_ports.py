"""Ports are free when they are said to be."""

import pathlib
import socket

import pytest

from deploy.machine.ports import CHOSEN, free_ports, is_open, require_free
from foundation.refusal import Refusal


def test_free_ports_are_different_and_can_be_listened_on() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        require_free(port, "a test")


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
