"""Runs an Alertmanager as a process on this machine, on 127.0.0.1, for tests and trials; a system tells the one that its users have."""

import pathlib
import shutil

import httpx

from deploy.machine.ports import require_free
from deploy.machine.processes import Process
from foundation.refusal import Refusal

PROGRAMS = ("alertmanager", "prometheus-alertmanager")
INSTALL = "apt-get install --yes --no-install-recommends prometheus-alertmanager"
READY_SECONDS_MAX = 60.0


def alertmanager_program() -> str | None:
    """Returns the path of an Alertmanager that is installed; None if there is none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def start_alertmanager(folder: pathlib.Path, configuration: str, port: int) -> Process:
    """Starts a server with the YAML text `configuration`, and returns once it answers, after about 0.2 s.

    Args:
        folder: for its files and its log.
        port: on 127.0.0.1.

    Raises:
        Refusal: it is not installed, the port is taken, or it does not come up.
    """
    program = alertmanager_program()
    if program is None:
        raise Refusal("no Alertmanager", where="PATH", expected=f"one of {', '.join(PROGRAMS)}", got="none", remedy=f"as root: {INSTALL}")
    require_free(port, "Alertmanager")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "alertmanager.yml"
    file.write_text(configuration)
    command = [program, f"--config.file={file}", f"--storage.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    process = Process("alertmanager", [*command, "--cluster.listen-address="], {}, folder)
    process.wait_until(lambda: _is_ready(port), READY_SECONDS_MAX, "an answer")
    return process


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/-/ready", timeout=2).is_success
    except httpx.HTTPError:
        return False
