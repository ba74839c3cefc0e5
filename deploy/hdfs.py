"""HDFS as processes of this machine: a NameNode and a DataNode on 127.0.0.1, with their data in one folder."""

import os
import pathlib
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from xml.sax.saxutils import escape

from deploy.jars import server_jars
from deploy.ports import free_ports, require_free
from deploy.private_files import UMASK, make_private_folder
from deploy.processes import Process
from features.refusal import Refusal

READY_SECONDS_MAX = 90.0
_NAME_NODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
_DATA_NODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
_JAVA = ("java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true")
_OPENS = ("--add-opens=java.base/java.lang=ALL-UNNAMED", "--add-opens=java.base/java.nio=ALL-UNNAMED")
_LOG4J = """log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d %p %c{1} %m%n
"""
_WEB_FOLDERS = ("hdfs", "datanode", "secondary", "static")
"""The servers look for pages that their jars lack: empty folders do."""


@dataclass(frozen=True, slots=True)
class Hdfs:
    """Where one HDFS is.

    Args:
        folder: kept between starts.
        logs: where ``name-node.log`` and ``data-node.log`` go.
        port: of the NameNode, for clients.
        web_port: of the NameNode, for its state.
    """

    folder: pathlib.Path
    logs: pathlib.Path
    port: int
    web_port: int

    @property
    def url(self) -> str:
        """Of its root."""
        return f"hdfs://127.0.0.1:{self.port}"

    def launch_name_node(self) -> Process:
        """Writes the configuration, formats an empty folder, and starts the NameNode without waiting.

        Raises:
            Refusal: a port is taken, the jars cannot be had, or the folder cannot be formatted.
        """
        require_free(self.port, "HDFS' clients")
        require_free(self.web_port, "the NameNode's state")
        make_private_folder(self.folder)
        self._write_configuration()
        if not (self.folder / "name" / "current").exists():
            run = subprocess.run(
                self._command(_NAME_NODE, "-format", "-force", "-nonInteractive"), capture_output=True, text=True, check=False, umask=UMASK
            )
            if run.returncode:
                got = (run.stdout + run.stderr).strip()[-300:]
                raise Refusal("storage not formatted", where=str(self.folder), expected="a formatted folder", got=got)
        return Process("name-node", self._command(_NAME_NODE), os.environ, self.logs, background=True)

    def launch_data_node(self) -> Process:
        """Starts the DataNode without waiting; `launch_name_node` comes first."""
        return Process("data-node", self._command(_DATA_NODE), os.environ, self.logs, background=True)

    def wait(self, name_node: Process) -> None:
        """Returns once files can be written.

        Raises:
            Refusal: that does not come within `READY_SECONDS_MAX`.
        """
        name_node.wait_until(self._is_ready, READY_SECONDS_MAX, f"a DataNode and the end of safe mode on port {self.web_port}")

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.web_port}/jmx", timeout=2) as answer:
                state = answer.read().decode()
        except (urllib.error.URLError, OSError):
            return False
        return '"NumLiveDataNodes" : 1' in state and '"Safemode" : ""' in state

    def _command(self, main: str, *arguments: str) -> list[str]:
        class_path = f"{self.folder / 'conf'}:{server_jars('hdfs')}/*"
        return [*_JAVA, *_OPENS, f"-Dhadoop.log.dir={self.folder}", "-cp", class_path, main, *arguments]

    def _write_configuration(self) -> None:
        conf = self.folder / "conf"
        for name in _WEB_FOLDERS:
            (conf / "webapps" / name).mkdir(parents=True, exist_ok=True)
        (conf / "log4j.properties").write_text(_LOG4J)
        (conf / "core-site.xml").write_text(_xml({"fs.defaultFS": self.url, "hadoop.tmp.dir": self.folder / "tmp"}))
        (conf / "hdfs-site.xml").write_text(_xml(self._configuration()))

    def _configuration(self) -> dict[str, object]:
        data, http, ipc = free_ports(3)
        return {
            "dfs.replication": 1,
            "dfs.namenode.name.dir": (self.folder / "name").as_uri(),
            "dfs.datanode.data.dir": (self.folder / "data").as_uri(),
            "dfs.namenode.rpc-address": f"127.0.0.1:{self.port}",
            "dfs.namenode.http-address": f"127.0.0.1:{self.web_port}",
            "dfs.datanode.address": f"127.0.0.1:{data}",
            "dfs.datanode.http.address": f"127.0.0.1:{http}",
            "dfs.datanode.ipc.address": f"127.0.0.1:{ipc}",
            "dfs.datanode.hostname": "127.0.0.1",
            # One machine, its owner alone: whoever reaches the port may write.
            "dfs.permissions.enabled": "false",
            "dfs.namenode.safemode.extension": 0,
            "dfs.namenode.safemode.min.datanodes": 1,
            "dfs.namenode.datanode.registration.ip-hostname-check": "false",
            "dfs.client.block.write.replace-datanode-on-failure.policy": "NEVER",
        }


def _xml(values: dict[str, object]) -> str:
    properties = "".join(f"<property><name>{name}</name><value>{escape(str(value))}</value></property>\n" for name, value in values.items())
    return f"<configuration>\n{properties}</configuration>\n"
