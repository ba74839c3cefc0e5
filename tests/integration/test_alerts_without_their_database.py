"""The database of alerts stands still for a while: decisions go on, and alerts are told afterwards, in order, and once by their ids."""

import contextlib
import os
import pathlib
import signal
import time
from collections.abc import Iterator

import pytest
from alerts_job_runs import AlertsSystem, check_whole, until
from keeping_receivers import KeepingReceiver
from weir_up import children_of

from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.postgresql import URL_FILE, start_postgresql


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[tuple[Process, str]]:
    """A server of its own, which the test stops and lets go on, and the file that names its database."""
    folder = tmp_path / "own-server"
    [port] = free_ports(1)
    with Processes() as processes:
        process = processes.add(start_postgresql(folder, folder / "logs", port))
        yield process, str(folder.joinpath(*URL_FILE))


@contextlib.contextmanager
def standing_still(process: Process) -> Iterator[None]:
    pids = [process.pid, *children_of(process.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("seconds", [8, pytest.param(600, marks=pytest.mark.deep)])
def test_a_database_that_is_away_delays_alerts_and_loses_none(server: tuple[Process, str], tmp_path: pathlib.Path, seconds: int) -> None:
    process, url_file = server
    made = AlertsSystem(tmp_path / "system", url_file, records_at_once=2_000)
    with contextlib.closing(made) as system, KeepingReceiver() as one, KeepingReceiver() as two:
        for number, receiver in enumerate((one, two)):
            system.add_webhook(f"w{number}", receiver.url)
        system.begin()
        for _ in range(2):
            system.start()
        until(lambda: one.taken and two.taken)
        with standing_still(process):
            time.sleep(1)  # what was on its way has come
            decided, told = system.count, len(one.taken)
            time.sleep(seconds)
            assert system.count > decided + 20 * seconds and len(one.taken) == told
        until(lambda: len(one.taken) > told)
        system.end()
        until(system.is_done, 120 + seconds)
        check_whole(system, (one, two))
