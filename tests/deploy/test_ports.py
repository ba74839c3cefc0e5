"""Ports are free when they are said to be."""

import socket

import pytest

from deploy.ports import free_ports, is_open, require_free
from features.refusal import Refusal


def test_free_ports_are_different_and_can_be_listened_on() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        require_free(port, "a test")


def test_a_taken_port_is_refused_with_its_number_and_its_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert is_open(port)
        with pytest.raises(Refusal, match=f"port {port}: port taken: expected a free port for the api"):
            require_free(port, "the api")
