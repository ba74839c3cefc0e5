"""An HDFS that lets in one secret name, and whose servers a test may hold up, kill and start again. For tests only."""

import os
import pathlib
import signal

from deploy.machine.ports import free_ports
from deploy.machine.processes import Process, Processes
from deploy.servers.hdfs import Hdfs

USER = "a-secret-name"


class KillableHdfs:
    """A NameNode and a DataNode.

    Args:
        folder: for their data and logs.
        processes: what stops them in the end.
    """

    def __init__(self, folder: pathlib.Path, processes: Processes) -> None:
        self.folder = folder
        self.hdfs = Hdfs(folder, folder / "logs", *free_ports(2), USER)
        self._processes = processes
        self.by_name: dict[str, Process] = {}
        self.start("name-node", "data-node")

    def start(self, *names: str) -> None:
        """Returns once files can be written."""
        for name in names:
            launch = self.hdfs.launch_name_node if name == "name-node" else self.hdfs.launch_data_node
            self.by_name[name] = self._processes.add(launch())
        self.hdfs.wait(self.by_name["name-node"])

    def kill(self, *names: str) -> None:
        """kill -9."""
        for name in names:
            self.by_name[name].kill()
            self._processes.forget(self.by_name[name])

    def signal(self, name: str, number: signal.Signals) -> None:
        """Signals the server and what it has started."""
        os.killpg(self.by_name[name].pid, number)
