"""A program that runs a solo system as forks of itself: ``killed_api.py CONFIG TOKEN``, with the settings of the environment.

It has loaded everything and runs no thread, so that a part begins again within a moment. Each line of the standard input names a part that
is killed and begun again; a line on the standard output says that it was. Both are killed when the standard input ends.
"""

import ctypes
import os
import pathlib
import signal
import socket
import sys
import threading
from collections.abc import Callable

import uvicorn

from api.protocol import BoundedProtocol
from api.server import Server
from deploy.local.solo_api import put_in_force
from foundation.settings import Settings, read_settings
from pipeline.solo.side_jobs import SideJobs
from pipeline.trial.configuration_folder import read_texts
from pipeline.trial.one_process import OneProcess

PR_SET_PDEATHSIG = 1


def serve(settings: Settings, config: pathlib.Path, token: str) -> None:
    """Runs the API with its engine."""
    put_in_force(settings, config, replace=False)
    listening = socket.create_server((settings.api_host, settings.api_port))
    app = Server(settings, token).app
    uvicorn.Server(uvicorn.Config(app, http=BoundedProtocol, ws="none", access_log=False, log_level="warning")).run([listening])


def forked(run: Callable[[], object]) -> int:
    """Starts a process that does `run`, and that ends with this one; gives its id."""
    process = os.fork()
    if process:
        return process
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        run()
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(2)


def kill(process: int) -> None:
    """Kills a process that has to be alive until then."""
    ended, status = os.waitpid(process, os.WNOHANG)
    if ended:
        sys.exit(f"a part ended by itself with status {status}")
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def main(config: pathlib.Path, token: str) -> None:
    settings = read_settings()
    OneProcess().release(1, read_texts(config))
    assert threading.active_count() == 1, "a fork copies no thread, and none may hold a lock"
    parts: dict[str, Callable[[], object]] = {
        "api": lambda: serve(settings, config, token),
        "side-jobs": lambda: SideJobs(settings).run(),
    }
    running = {name: forked(part) for name, part in parts.items()}
    for line in sys.stdin:
        name = line.strip()
        kill(running[name])
        running[name] = forked(parts[name])
        print(name, flush=True)
    for process in running.values():
        kill(process)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2])
