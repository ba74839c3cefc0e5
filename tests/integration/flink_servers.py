"""A Flink cluster of a test's own."""

import pathlib

from deploy.local.kernels import compile_ahead
from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.cluster import Cluster
from deploy.servers.flink_files import FlinkFiles


class FlinkServers:
    """A Flink cluster whose TaskManagers tests may kill and start.

    Args:
        folder: for configuration, logs and checkpoints.
        files: what it needs to write files elsewhere.
    """

    def __init__(self, folder: pathlib.Path, files: FlinkFiles) -> None:
        self.cluster = Cluster(folder, folder / "logs", free_ports(1)[0], files=files)
        self.processes = Processes()
        compile_ahead(self.cluster.environment(), folder / "logs")
        self.processes.add(self.cluster.start_job_manager())
        self._newest = 0

    def scale(self, task_managers: int) -> None:
        """Brings the number of living TaskManagers to at least `task_managers`."""
        for dead in self.processes.dead():
            self.processes.forget(dead)
        while len(self.processes.all) - 1 < task_managers:
            self._newest += 1
            self.processes.add(self.cluster.start_task_manager(self._newest))

    def kill_task_managers(self) -> None:
        """kill -9 of all of them: which one a job runs on, only Flink knows."""
        for process in self.processes.all[1:]:
            process.kill()
        for dead in self.processes.dead():
            self.processes.forget(dead)
