"""HDFS as processes of this machine: a NameNode and a DataNode on 127.0.0.1, with their data in one folder."""

import json
import os
import pathlib
import urllib.error
import urllib.request
from collections.abc import Mapping
from xml.sax.saxutils import escape

import msgspec

from deploy.jars import server_jars
from deploy.ports import free_ports, require_free
from deploy.processes import Process

READY_SECONDS_MAX = 90.0
_HEAP = "192m"
_WEB_FOLDERS = ("hdfs", "datanode", "secondary", "static")
_NAME_NODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
_DATA_NODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
_OPENS = ("java.base/java.lang", "java.base/java.nio")
_LOG4J = """log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{1} %m%n
"""


class HdfsPorts(msgspec.Struct, frozen=True):
    """Ports on 127.0.0.1: of the NameNode for clients and for HTTP, of the DataNode for data, HTTP and calls."""

    name: int
    name_http: int
    data: int
    data_http: int
    data_calls: int

    @classmethod
    def around(cls, name: int) -> "HdfsPorts":
        """`name`, with free ones for all that no client has to know."""
        return cls(name, *free_ports(4))


def start_hdfs(folder: pathlib.Path, logs: pathlib.Path, ports: HdfsPorts) -> tuple[Process, Process]:
    """Starts NameNode and DataNode, which keep their data in `folder`, and returns once files can be written: some 8 s.

    Args:
        folder: kept between starts.
        logs: where ``name-node.log`` and ``data-node.log`` go.
        ports: on 127.0.0.1.

    Raises:
        Refusal: a port is taken, the jars cannot be had, or they do not come up.
    """
    name_node = launch_name_node(folder, logs, ports)
    data_node = launch_data_node(folder, logs, ports)
    wait_for_hdfs(name_node, ports)
    return name_node, data_node


def launch_name_node(folder: pathlib.Path, logs: pathlib.Path, ports: HdfsPorts) -> Process:
    """Starts the NameNode without waiting for its answer; the first time it makes an empty file system (3 s)."""
    require_free(ports.name, "HDFS's clients")
    require_free(ports.name_http, "the NameNode's pages")
    _write_configuration(folder, ports)
    if not (folder / "name" / "current" / "VERSION").exists():
        format = Process("name-node-format", _command(folder, _NAME_NODE, "-format", "-force", "-nonInteractive"), os.environ, logs)
        format.wait_for_end(READY_SECONDS_MAX)
    return Process("name-node", _command(folder, _NAME_NODE), os.environ, logs)


def launch_data_node(folder: pathlib.Path, logs: pathlib.Path, ports: HdfsPorts) -> Process:
    """Starts the DataNode without waiting; it looks for the NameNode until that is up."""
    for port in (ports.data, ports.data_http, ports.data_calls):
        require_free(port, "the DataNode")
    _write_configuration(folder, ports)
    return Process("data-node", _command(folder, _DATA_NODE), os.environ, logs)


def wait_for_hdfs(name_node: Process, ports: HdfsPorts) -> None:
    """Returns once a DataNode has registered and the NameNode lets files be written.

    Raises:
        Refusal: that does not come within `READY_SECONDS_MAX`.
    """
    name_node.wait_until(lambda: is_writable(ports), READY_SECONDS_MAX, "a DataNode and the end of its safe mode")


def is_writable(ports: HdfsPorts) -> bool:
    """Whether files can be written now."""
    nodes = _bean(ports, "Hadoop:service=NameNode,name=FSNamesystemState")
    state = _bean(ports, "Hadoop:service=NameNode,name=NameNodeInfo")
    return nodes.get("NumLiveDataNodes") == 1 and state.get("Safemode") == ""


def _bean(ports: HdfsPorts, name: str) -> Mapping[str, object]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{ports.name_http}/jmx?qry={name}", timeout=2) as answer:
            beans = json.load(answer)["beans"]
    except (urllib.error.URLError, OSError, ValueError):
        return {}
    return dict(beans[0]) if beans else {}


def _command(folder: pathlib.Path, *arguments: str) -> list[str]:
    return [
        *("java", f"-Xmx{_HEAP}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xss512k", "-XX:+ExitOnOutOfMemoryError"),
        *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENS),
        *("-Djava.net.preferIPv4Stack=true", f"-Dhadoop.log.dir={folder}"),
        *("-cp", f"{folder / 'conf'}:{server_jars('hdfs')}/*"),
        *arguments,
    ]


def _write_configuration(folder: pathlib.Path, ports: HdfsPorts) -> None:
    conf = folder / "conf"
    for name in _WEB_FOLDERS:  # their pages are not in the jars, and without the folders the servers do not start
        (conf / "webapps" / name).mkdir(parents=True, exist_ok=True)
    (conf / "log4j.properties").write_text(_LOG4J)
    core = {"fs.defaultFS": f"hdfs://127.0.0.1:{ports.name}", "hadoop.tmp.dir": folder / "tmp"}
    (conf / "core-site.xml").write_text(_xml(core))
    (conf / "hdfs-site.xml").write_text(_xml(_site(folder, ports)))


def _site(folder: pathlib.Path, ports: HdfsPorts) -> dict[str, object]:
    return {
        "dfs.replication": 1,
        "dfs.namenode.name.dir": (folder / "name").as_uri(),
        "dfs.datanode.data.dir": (folder / "data").as_uri(),
        "dfs.namenode.rpc-address": f"127.0.0.1:{ports.name}",
        "dfs.namenode.http-address": f"127.0.0.1:{ports.name_http}",
        "dfs.datanode.address": f"127.0.0.1:{ports.data}",
        "dfs.datanode.http.address": f"127.0.0.1:{ports.data_http}",
        "dfs.datanode.ipc.address": f"127.0.0.1:{ports.data_calls}",
        "dfs.datanode.hostname": "127.0.0.1",
        "dfs.permissions.enabled": "false",
        # One node has nobody to wait for.
        "dfs.namenode.safemode.extension": 0,
        "dfs.namenode.safemode.min.datanodes": 1,
        "dfs.namenode.safemode.threshold-pct": 1.0,  # ready means that every block can be read
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",
        "dfs.client.block.write.replace-datanode-on-failure.policy": "NEVER",
    }


def _xml(values: Mapping[str, object]) -> str:
    lines = [f"  <property><name>{name}</name><value>{escape(str(value))}</value></property>" for name, value in values.items()]
    return "\n".join(['<?xml version="1.0"?>', "<configuration>", *lines, "</configuration>", ""])
