"""Runs HDFS as processes on this machine: a NameNode and a DataNode on 127.0.0.1, with their data in one folder."""

import os
import pathlib
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from xml.sax.saxutils import escape

from deploy.machine.certificate import make_certificate, tls_of
from deploy.machine.jars import server_jars
from deploy.machine.ports import free_ports, require_free
from deploy.machine.private_files import UMASK, make_private_folder, write_private
from deploy.machine.processes import Process
from deploy.servers.hdfs_security import USER_VARIABLE, closed_core, closed_hdfs, policy, web_keys
from foundation.refusal import Refusal

READY_SECONDS_MAX = 240.0
_NAME_NODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
_DATA_NODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
_JAVA = ("java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true")
_OPENS = ("--add-opens=java.base/java.lang=ALL-UNNAMED", "--add-opens=java.base/java.nio=ALL-UNNAMED")
_LOG4J = """log4j.rootLogger=LEVEL,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d %p %c{1} %m%n
"""
_WEB_FOLDERS = ("hdfs", "datanode", "secondary", "static")
"""The servers need these folders of web pages, which their jars lack; empty ones suffice."""


@dataclass(frozen=True, slots=True)
class Hdfs:
    """One HDFS.

    Args:
        folder: the data, which is kept between starts.
        logs: the folder for ``name-node.log`` and ``data-node.log``.
        port: the port of the NameNode for clients.
        web_port: the port on which the NameNode reports its state.
        user: the secret user name that clients need, see `hdfs_security`; '' lets everybody in.
    """

    folder: pathlib.Path
    logs: pathlib.Path
    port: int
    web_port: int
    user: str = ""

    @property
    def url(self) -> str:
        """The URL of its root folder."""
        return f"hdfs://127.0.0.1:{self.port}"

    def launch_name_node(self) -> Process:
        """Writes the configuration, formats an empty folder, and starts the NameNode; does not wait for it.

        Raises:
            Refusal: a port is taken, the jars cannot be fetched, or the folder cannot be formatted.
        """
        require_free(self.port, "HDFS' clients")
        require_free(self.web_port, "the NameNode's state")
        make_private_folder(self.folder)
        self._write_configuration("name-node")
        if not (self.folder / "name" / "current").exists():
            run = subprocess.run(
                self._command("name-node", _NAME_NODE, "-format", "-force", "-nonInteractive"),
                env=self._environment(),
                capture_output=True,
                text=True,
                check=False,
                umask=UMASK,
            )
            if run.returncode:
                got = (run.stdout + run.stderr).strip()[-300:]
                expected = "exit status 0 of the NameNode's -format"
                raise Refusal("the storage of HDFS could not be formatted", where=str(self.folder), expected=expected, got=got)
        return Process("name-node", self._command("name-node", _NAME_NODE), self._environment(), self.logs, background=True)

    def launch_data_node(self) -> Process:
        """Starts the DataNode and does not wait for it; `launch_name_node` has to be called before."""
        self._write_configuration("data-node")
        return Process("data-node", self._command("data-node", _DATA_NODE), self._environment(), self.logs, background=True)

    def wait(self, name_node: Process) -> None:
        """Returns once files can be written.

        Raises:
            Refusal: they cannot be within `READY_SECONDS_MAX`.
        """
        name_node.wait_until(self._is_ready, READY_SECONDS_MAX, f"a DataNode and the end of safe mode on port {self.web_port}")

    def _is_ready(self) -> bool:
        tls = tls_of(make_certificate(self.folder / "keys")) if self.user else None
        url = f"{'https' if self.user else 'http'}://127.0.0.1:{self.web_port}/jmx"
        try:
            with urllib.request.urlopen(url, timeout=2, context=tls) as answer:  # noqa: S310 - an address of this machine
                state = answer.read().decode()
        except (urllib.error.URLError, OSError):
            return False
        return '"NumLiveDataNodes" : 1' in state and '"Safemode" : ""' in state

    def _environment(self) -> dict[str, str]:
        return dict(os.environ) | ({USER_VARIABLE: self.user} if self.user else {})

    def _command(self, node: str, main: str, *arguments: str) -> list[str]:
        class_path = f"{self.folder / 'conf' / node}:{server_jars('hdfs')}/*"
        return [*_JAVA, *_OPENS, f"-Dhadoop.log.dir={self.folder}", "-cp", class_path, main, *arguments]

    def _write_configuration(self, node: str) -> None:
        """Writes the configuration of `node`, which is ``name-node`` or ``data-node``."""
        conf = self.folder / "conf" / node
        for name in _WEB_FOLDERS:
            (conf / "webapps" / name).mkdir(parents=True, exist_ok=True)
        core: dict[str, object] = {"fs.defaultFS": self.url, "hadoop.tmp.dir": self.folder / "tmp"}
        files = {"core-site": core, "hdfs-site": self._configuration()}
        if self.user:
            core |= closed_core(self.user, node)
            files["hdfs-site"] |= closed_hdfs(self.web_port)
            files |= {"hadoop-policy": policy(self.user), "ssl-server": web_keys(make_certificate(self.folder / "keys"))}
        for name, values in files.items():
            write_private(conf / f"{name}.xml", _xml(values))
        # At the level INFO they would log the secret user name with every operation.
        (conf / "log4j.properties").write_text(_LOG4J.replace("LEVEL", "WARN" if self.user else "INFO"))

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
            # Every client that is let in may do everything.
            "dfs.permissions.enabled": "false",
            "dfs.namenode.safemode.extension": 0,
            "dfs.namenode.safemode.min.datanodes": 1,
            "dfs.namenode.datanode.registration.ip-hostname-check": "false",
            "dfs.client.block.write.replace-datanode-on-failure.policy": "NEVER",
        }


def _xml(values: dict[str, object]) -> str:
    properties = "".join(f"<property><name>{name}</name><value>{escape(str(value))}</value></property>\n" for name, value in values.items())
    return f"<configuration>\n{properties}</configuration>\n"
