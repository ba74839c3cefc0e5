"""Runs a Flink cluster as processes on this machine, from PyFlink's wheel: one JobManager and any number of TaskManagers."""

import functools
import os
import pathlib
import shutil
import sys
from collections.abc import Sequence

import yaml

from deploy.machine.certificate import make_certificate
from deploy.machine.checkpoints import newest_checkpoint
from deploy.machine.jars import PROJECT, job_jar, server_jars
from deploy.machine.ports import free_ports, require_free
from deploy.machine.private_files import make_private_folder, write_private
from deploy.machine.processes import Process
from deploy.servers.flink_files import LOCAL_FILES, FlinkFiles
from deploy.servers.flink_programs import CLIENT_OPTIONS, JOB_MANAGER, TASK_MANAGER, JobManagerMemory, TaskManagerMemory, command
from deploy.servers.flink_security import flink_security
from foundation.refusal import Refusal
from pipeline.flink.flink_rest import FlinkRest

READY_SECONDS_MAX = 240.0
_SIDE_HEAP_MB = 384
_WITHOUT_BEAM = PROJECT / "pipeline" / "without_beam"
_AGAIN_MS = 500
"""How soon a TaskManager tries again to reach a JobManager, or the master of a job, that was down; Flink's default is 10 s."""


class Cluster:
    """A Flink cluster with its configuration, jars and checkpoints below `folder`.

    Args:
        folder: the folder of the cluster; each start writes it again, except the checkpoints.
        logs: the folder for the logs of the processes.
        port: the port of the REST interface on 127.0.0.1.
        slots: the slots of each TaskManager. One Python interpreter serves a whole TaskManager, so more Python needs more TaskManagers.
        task_heap_mb: the Java heap of each TaskManager for jobs, which holds their state.
        jars: further jars on the class path of all processes; by default that of the jobs' Java operators.
        files: what jobs need to write files on other machines.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        logs: pathlib.Path,
        port: int,
        slots: int = 1,
        task_heap_mb: int = 1024,
        jars: Sequence[pathlib.Path] | None = None,
        files: FlinkFiles = LOCAL_FILES,
    ) -> None:
        self.folder = folder
        self.port = port
        self.keys = folder / "keys"
        self.rest = FlinkRest(port, self.keys)
        self.logs = logs
        self._slots = slots
        self._memory = TaskManagerMemory(task_heap_mb)
        self._jars = jars
        self._files = files
        self._ids: dict[int, str] = {}
        self._starts = 0
        [self._rpc_port] = free_ports(1)  # it stays the same, because TaskManagers look for a restarted JobManager on this port
        self.home = _wheel()

    @property
    def class_path(self) -> list[pathlib.Path]:
        """The jars of the cluster; a client that submits a job needs them too."""
        return sorted((self.folder / "lib").glob("*.jar"))

    @property
    def checkpoints(self) -> pathlib.Path:
        """The folder of the checkpoints, with a folder for each job; it outlives restarts."""
        return self.folder / "checkpoints"

    def start_job_manager(self) -> Process:
        """Starts the JobManager and returns once its REST interface answers, after about 8 s.

        Raises:
            Refusal: the port is taken, a jar cannot be fetched, or it does not come up.
        """
        process = self.launch_job_manager()
        self.wait_for_job_manager(process)
        return process

    def launch_job_manager(self) -> Process:
        """Writes the configuration and starts the JobManager, and does not wait for it."""
        require_free(self.port, "Flink's REST interface")
        self.write_files()
        return self._launch("job-manager", JOB_MANAGER, JobManagerMemory().options())

    def write_files(self) -> None:
        """Writes the configuration, the certificate and the jars for all processes of the cluster and for clients that submit jobs."""
        make_private_folder(self.folder)
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        libraries = [jar for name in self._files.libraries for jar in server_jars(name).glob("*.jar")]
        _link_jars(self.folder / "lib", [*_flink_jars(self.home), *libraries, *([job_jar()] if self._jars is None else self._jars)])
        _link_plugins(self.folder / "plugins", self._files.plugins)
        self._write_configuration()

    def wait_for_job_manager(self, process: Process) -> None:
        """Returns once the REST interface answers."""
        process.wait_until(lambda: self.overview() is not None, READY_SECONDS_MAX, f"an answer on port {self.port}")

    def start_task_manager(self, number: int, background: bool = False) -> Process:
        """Starts TaskManager `number` like `launch_task_manager`, and returns once it has registered, after about 7 s."""
        process = self.launch_task_manager(number, background)
        self.wait_for_task_manager(process, number)
        return process

    def launch_task_manager(self, number: int, background: bool = False) -> Process:
        """Starts TaskManager `number` and does not wait for it; it may come up before the JobManager.

        Args:
            background: whether it has a low priority and a small heap, for jobs that nobody waits for.
        """
        self._starts += 1
        self._ids[number] = f"{task_manager_name(number)}-{self._starts}"  # a dead one with this number stays registered for some seconds
        memory, chosen = self._memory, [f"taskmanager.resource-id={self._ids[number]}"]
        if background:
            memory = TaskManagerMemory(_SIDE_HEAP_MB)
            chosen.append(f"taskmanager.memory.task.heap.size={_SIDE_HEAP_MB}m")
        return self._launch(task_manager_name(number), TASK_MANAGER, memory.options(background), chosen, background)

    def wait_for_task_manager(self, process: Process, number: int) -> None:
        """Returns once TaskManager `number` has registered with the JobManager."""
        process.wait_until(lambda: self._registered(number), READY_SECONDS_MAX, "its registration with the JobManager")

    def jobs_on(self, number: int) -> set[str]:
        """The ids of the jobs that have a slot of TaskManager `number`; none while it is not registered or Flink is down."""
        answer = self.get(f"/taskmanagers/{self._ids[number]}") if number in self._ids else None
        return {slot["jobId"] for slot in answer["allocatedSlots"]} if isinstance(answer, dict) else set()

    def overview(self) -> dict[str, int] | None:
        """Flink's overview with ``slots-total``, ``slots-available``, ``taskmanagers`` and the numbers of jobs; None while it is down."""
        answer = self.get("/overview")
        return answer if isinstance(answer, dict) else None

    def get(self, path: str) -> object:
        """The JSON that the REST interface answers for `path`; None while it is down."""
        try:
            answer: object = self.rest.ask(path, timeout_seconds=2)
        except (OSError, ValueError):
            return None
        return answer

    def newest_checkpoint(self, job: str) -> pathlib.Path | None:
        """The newest complete checkpoint of all runs of the job with this name; None before the first."""
        return newest_checkpoint(self.checkpoints / job)

    def _launch(self, name: str, program: str, options: Sequence[str], settings: Sequence[str] = (), background: bool = False) -> Process:
        """Starts one of Flink's programs with `settings` in addition to those of the configuration."""
        self.logs.mkdir(parents=True, exist_ok=True)
        arguments = [part for setting in settings for part in ("-D", setting)]
        line = command(
            program, [*self._opened, *options], self.class_path, self.folder / "conf", self.logs / f"flink-{name}.log", *arguments
        )
        return Process(name, line, self.environment(), self.logs, background=background)

    @functools.cached_property
    def _opened(self) -> list[str]:
        """The options with which Flink's own configuration opens modules of Java."""
        return str(yaml.safe_load((self.home / "conf" / "config.yaml").read_text())["env"]["java"]["opts"]["all"]).split()

    def _registered(self, number: int) -> bool:
        answer = self.get("/taskmanagers")
        return isinstance(answer, dict) and any(one["id"] == self._ids[number] for one in answer["taskmanagers"])

    def environment(self) -> dict[str, str]:
        """The environment of the cluster's processes and of clients that submit jobs."""
        python = pathlib.Path(sys.executable).parent
        return os.environ | {
            "FLINK_HOME": str(self.home),
            "FLINK_CONF_DIR": str(self.folder / "conf"),
            "FLINK_LIB_DIR": str(self.folder / "lib"),
            "FLINK_PLUGINS_DIR": str(self.folder / "plugins"),
            "FLINK_LOG_DIR": str(self.logs),
            "JVM_ARGS": CLIENT_OPTIONS,
            "VIRTUAL_ENV": sys.prefix,
            "PATH": f"{python}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": f"{PROJECT}{os.pathsep}{_WITHOUT_BEAM}",
            **self._files.environment,
        }

    def _write_configuration(self) -> None:
        folder = self.folder / "conf"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.home / "conf" / "log4j-console.properties", folder)
        write_private(folder / "config.yaml", yaml.safe_dump(self._configuration()))

    def _configuration(self) -> dict[str, object]:
        return {
            "env": {"java": {"opts": {"all": " ".join(self._opened)}}},
            "jobmanager": {
                "bind-host": "127.0.0.1",
                "rpc": {"address": "127.0.0.1", "port": self._rpc_port},
                "memory": JobManagerMemory().settings(),
            },
            "taskmanager": {
                "bind-host": "127.0.0.1",
                "host": "127.0.0.1",
                "numberOfTaskSlots": self._slots,
                "cpu": {"cores": float(self._slots)},
                "memory": self._memory.settings(),
            },
            "rest": {"address": "127.0.0.1", "bind-address": "127.0.0.1", "port": self.port},
            "cluster": {"registration": {"error-delay": f"{_AGAIN_MS} ms"}},
            "heartbeat": {"interval": 1000, "timeout": 5000, "rpc-failure-threshold": 2},
            "python": {"executable": sys.executable},
            # Pages of other sites may not read answers, and jars and cancellations over the web interface are not accepted.
            "web": {
                "tmpdir": str(self.folder / "tmp"),
                "submit": {"enable": False},
                "cancel": {"enable": False},
                "access-control-allow-origin": f"https://127.0.0.1:{self.port}",
            },
            **flink_security(make_certificate(self.keys)),
            "io": {"tmp": {"dirs": str(self.folder / "tmp")}},
            "execution": {"checkpointing": {"dir": self.checkpoints.as_uri()}},
            **self._files.configuration,
        }


def task_manager_name(number: int) -> str:
    """The name of the process of TaskManager `number`, and of its log."""
    return f"task-manager-{number}"


def _wheel() -> pathlib.Path:
    import pyflink

    return pathlib.Path(pyflink.__file__).parent


def _flink_jars(home: pathlib.Path) -> list[pathlib.Path]:
    python = sorted((home / "opt").glob("flink-python-*.jar"))
    if not python:
        raise Refusal(
            "jar missing",
            where=str(home / "opt"),
            expected="flink-python-*.jar",
            got="no such file",
            remedy="run: uv sync --reinstall-package apache-flink",
        )
    return [*(home / "lib").glob("*.jar"), *python, *server_jars("flink").glob("*.jar")]


def _link_jars(folder: pathlib.Path, jars: Sequence[pathlib.Path]) -> None:
    """Links all jars into one folder for the class path, because pemja finds only classes of the system's class loader."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for jar in jars:
        (folder / jar.name).symlink_to(jar.absolute())


def _link_plugins(folder: pathlib.Path, names: Sequence[str]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in names:
        _link_jars(folder / name, list(server_jars(name).glob("*.jar")))
