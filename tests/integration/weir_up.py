"""`weir up` as a user runs it: a process of its own, whose parts tests kill by what they are. For tests only."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator

from score_job_runs import wait_for

from deploy.local.stack import BACKGROUND, answers, settings_as_environment
from deploy.machine.processes import Process
from foundation.settings import Settings

START_SECONDS_MAX = 400.0
PROGRAMS = {
    "broker": "kafka.Kafka",
    "api": "api.server",
    **{name: f"{module} " for name, module in BACKGROUND.items()},  # with a space, because another module's name may begin alike
    "job-manager": "StandaloneSessionClusterEntrypoint",
    "task-manager-1": "taskmanager.resource-id=task-manager-1-",
    "task-manager-2": "taskmanager.resource-id=task-manager-2-",
    "task-manager-3": "taskmanager.resource-id=task-manager-3-",
}
"""What the command line of a part holds. The score job runs on the first TaskManager, metrics and archive on the others."""


class WeirUp:
    """The command, and the processes that it started.

    Args:
        settings: of the system; their ports are free.
        config: the configuration folder.
    """

    def __init__(self, settings: Settings, config: pathlib.Path) -> None:
        self.settings = settings
        self._config = config
        self._process: Process | None = None

    def start(self) -> None:
        """Returns once it has said that everything is up."""
        environment = os.environ | settings_as_environment(self.settings) | {"PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "deploy.command", "up", "--config", str(self._config)]
        log = self.settings.path("up.log")
        said = log.stat().st_size if log.exists() else 0
        self._process = process = Process("up", command, environment, self.settings.path(), pathlib.Path.cwd())
        process.wait_until(lambda: b"Ctrl-C stops everything" in log.read_bytes()[said:], START_SECONDS_MAX, "a system that is up")

    def stop(self) -> None:
        """Asks it to end, as Ctrl-C does."""
        if self._process is not None:
            self._process.stop(60)
            self._process = None

    def kill(self) -> None:
        """kill -9 of the command and of everything that it started, at once."""
        assert self._process is not None
        parts = self.parts()
        self._process.kill()
        for pid in parts.values():
            with contextlib.suppress(ProcessLookupError):  # the kernel kills them with the command
                os.killpg(pid, signal.SIGKILL)
        wait_for(lambda: not answers(self.settings.api_address(), "/health"), 30, "the api outlives the command")
        self._process = None

    def parts(self) -> dict[str, int]:
        """Process ids of the running parts, by name."""
        assert self._process is not None
        found = {}
        for pid in children_of(self._process.pid):
            line = _command_line(pid)
            found.update({name: pid for name, program in PROGRAMS.items() if program in line})
        return found

    def signal_part(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Signals the part `name` and returns its process id once it has ended."""
        pid = self.parts()[name]
        os.killpg(pid, number)
        wait_for(lambda: self.parts().get(name) != pid, 120, f"{name} does not end")
        return pid

    def wait_for_part(self, name: str, ended: int) -> None:
        """Returns once `name` runs as another process than `ended`."""
        wait_for(lambda: self.parts().get(name, ended) != ended, 240, f"{name} is not started again")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Meanwhile the command starts nothing again."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process.pid, signal.SIGCONT)

    def memory_mb(self) -> dict[str, int]:
        """What each part has in memory."""
        return {name: _resident_mb(pid) for name, pid in sorted(self.parts().items())}

    def heap_mb(self, name: str) -> float:
        """What a part in Java still holds after its garbage is collected."""
        pid = str(self.parts()[name])
        subprocess.run(["jcmd", pid, "GC.run"], capture_output=True, check=True)
        run = subprocess.run(["jstat", "-gc", pid], capture_output=True, text=True, check=True)
        names, values = (line.split() for line in run.stdout.splitlines()[:2])
        figures = dict(zip(names, values, strict=True))
        return sum(float(figures[column]) for column in ("S0U", "S1U", "EU", "OU")) / 1024


def children_of(pid: int) -> list[int]:
    """Ids of the processes that process `pid` has started and that have not ended."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            if int(after_name[1]) == pid and after_name[0] != "Z":
                found.append(int(entry.name))
    return found


def _command_line(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:  # it has ended
        return ""


def _resident_mb(pid: int) -> int:
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")), 0)
