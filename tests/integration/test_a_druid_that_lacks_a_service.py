"""A Druid of which one service cannot start ends and says why, in place of standing there without it."""

import pathlib
import socket

import pytest

from deploy.machine.ports import free_ports
from deploy.servers.druid import launch_druid, wait_for_druid
from foundation.refusal import Refusal

pytestmark = [pytest.mark.integration, pytest.mark.druid]


def test_a_port_that_another_program_takes_during_the_start_is_told(tmp_path: pathlib.Path) -> None:
    port, coordinator_port = free_ports(2)
    folder = tmp_path / "druid"
    druid = launch_druid(folder, tmp_path / "logs", port, coordinator_port)
    try:
        with socket.create_server(("127.0.0.1", port)), pytest.raises(Refusal, match="druid ended while it was starting") as refusal:
            wait_for_druid(druid, folder, port, coordinator_port)
    finally:
        druid.kill()
    assert "exit status 3" in str(refusal.value)
    assert "Address already in use" in druid.log.read_text()
