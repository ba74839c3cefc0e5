"""Runs a whole solo system inside the calling process, on a free port; `weir.testing` makes of it what a test of a configuration needs."""

import pathlib
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec
import uvicorn

from api.client.client import Client
from api.protocol import BoundedProtocol
from api.server import Server
from api.trials.inline_trials import InlineTrials
from deploy.local.solo_api import put_in_force
from deploy.machine.answers import answers
from deploy.machine.ports import free_ports
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.solo.side_jobs import SideJobs

READY_SECONDS_MAX = 120.0
CALL_SECONDS_MAX = 120.0
"""A call of a test fails because of its answer, and not because the machine is busy."""
TOKEN = "the-token-of-a-solo-system-in-a-test"  # noqa: S105 - it opens a system that only this machine reaches, for as long as a test runs


class SoloInProcess:
    """The API, its engine and the side jobs as threads of this process. Use it in a ``with`` block.

    It starts in about a second once the kernels are loaded. Another one in the same process needs another folder. Uploaded definitions are
    tried in this process, too, so that what they cost and break is not kept from it as it is in a system of processes.

    Args:
        config: the configuration folder to put in force.
        folder: where the system keeps what it has; a later system in it goes on there.
        side_jobs: whether decisions are stored, labels resolved, models taught, metrics counted and records archived too.
        clock: seconds since the epoch, for the API and the engine.
        values: other settings.

    Attributes:
        client: calls the API as its owner.
        settings: of the system.
    """

    def __init__(
        self, config: pathlib.Path, folder: pathlib.Path, side_jobs: bool = True, clock: Callable[[], float] = time.time, **values: object
    ) -> None:
        [port] = free_ports(1)
        given = {"runtime": "solo", "folder": str(folder), "api_port": port, "metrics_interval_ms": 200, "archive_interval_ms": 1_000}
        self.settings = msgspec.convert(given | values, Settings)
        self.client = Client(f"http://{self.settings.api_address()}", TOKEN, CALL_SECONDS_MAX)
        self._config = config
        self._has_side_jobs = side_jobs
        self._time = clock
        self._side_jobs: SideJobs | None = None
        self._threads: list[threading.Thread] = []
        self._server: uvicorn.Server | None = None

    def __enter__(self) -> Self:
        put_in_force(self.settings, self._config, replace=True)
        app = Server(self.settings, TOKEN, self._time, InlineTrials(self.settings.compile_memory_mib_max)).app
        listening = socket.create_server((self.settings.api_host, self.settings.api_port))
        self._server = uvicorn.Server(uvicorn.Config(app, http=BoundedProtocol, ws="none", access_log=False, log_level="warning"))
        self._start(lambda: self._server.run([listening]) if self._server else None, "api")
        self._wait()
        if self._has_side_jobs:
            self._side_jobs = SideJobs(self.settings)
            self._start(self._side_jobs.run, "side-jobs")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.client.close()
        if self._side_jobs is not None:
            self._side_jobs.stop()
            self._threads[-1].join()
        if self._server is not None:
            self._server.should_exit = True
        for thread in self._threads:
            thread.join()

    def _start(self, run: Callable[[], object], name: str) -> None:
        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _wait(self) -> None:
        """Returns when the system decides.

        Raises:
            Refusal: it does not within `READY_SECONDS_MAX`.
        """
        until = time.monotonic() + READY_SECONDS_MAX
        while not answers(self.settings.api_address(), "/ready"):
            if time.monotonic() > until or not self._threads[0].is_alive():
                address = self.settings.api_address()
                raise Refusal("the system is not ready", where=address, expected="status 200 of /ready", got="none", remedy="read its log")
            time.sleep(0.02)
