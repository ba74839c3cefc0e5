"""Runs Druid as one process on this machine: ZooKeeper, broker, coordinator with overlord, indexer and historical in one JVM."""

import functools
import os
import pathlib
import re
import shutil
import ssl
import urllib.error
import urllib.request

import msgspec

from deploy.machine.certificate import make_certificate, tls_of
from deploy.machine.jars import server_classes, server_jars
from deploy.machine.ports import free_ports, require_free
from deploy.machine.private_files import make_private_folder
from deploy.machine.processes import Process
from deploy.servers.druid_conf import SERVICES, DruidPorts, write_configuration
from deploy.servers.druid_supervisor import LOGIN_VARIABLE

READY_SECONDS_MAX = 240.0
_ANSWER_S_MAX = 10.0
_HEAP = "512m"
_DIRECT = "320m"
_EXPORTS = ("java.base/jdk.internal.misc", "java.base/jdk.internal.ref")
_OPENS = (
    "java.base/java.nio",
    "java.base/sun.nio.ch",
    "java.base/jdk.internal.ref",
    "java.base/java.io",
    "java.base/java.lang",
    "jdk.management/com.sun.management.internal",
)
_OF_A_SERVICE = re.compile(r"(druid-|guice|jackson-module-guice|jersey-|calcite|avatica|janino|commons-compiler)")
"""Each service loads these jars with a class loader of its own; see `AllOfDruid.java`."""


def start_druid(folder: pathlib.Path, logs: pathlib.Path, port: int, coordinator_port: int, login: str = "") -> Process:
    """Starts all of Druid with its data in `folder` and returns once it takes queries and supervisors, after about 10 s.

    Each of its ports, also that of ZooKeeper, needs the certificate in ``folder/keys``, which the first start makes.

    Args:
        folder: the data, which is kept between starts.
        logs: the folder for ``druid.log``.
        port: the port of the broker, which answers queries, on 127.0.0.1.
        coordinator_port: the port of the coordinator, which takes supervisors; other ports are free ones.
        login: the login to the Kafka broker, in the form that Java needs; '' if the broker needs none.

    Raises:
        Refusal: a port is taken, the jars cannot be fetched, or a service does not come up.
    """
    druid = launch_druid(folder, logs, port, coordinator_port, login)
    wait_for_druid(druid, folder, port, coordinator_port)
    return druid


def launch_druid(folder: pathlib.Path, logs: pathlib.Path, port: int, coordinator_port: int, login: str = "") -> Process:
    """Starts Druid like `start_druid`, and does not wait for its answer."""
    require_free(port, "Druid's broker")
    require_free(coordinator_port, "Druid's coordinator")
    make_private_folder(folder)
    ports = DruidPorts(port, coordinator_port, *free_ports(3))
    jars, classes = server_jars("druid"), server_classes("druid")
    conf = write_configuration(folder, ports, make_certificate(folder / "keys"))
    # Its data is not needed after a restart, and with it the coordinator would wait until the session of its predecessor expires.
    shutil.rmtree(folder / "zookeeper", ignore_errors=True)
    for name in ("zookeeper", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    of_a_service, of_all = _class_paths(jars, classes, conf)
    command = [
        *("java", f"-Xms{_HEAP}", f"-Xmx{_HEAP}", f"-XX:MaxDirectMemorySize={_DIRECT}"),
        *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"),
        *(f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTS),
        *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENS),
        *(f"-D{name}={value}" for name, value in _properties(folder).items()),
        *("-cp", of_all, "weir.AllOfDruid", str(conf), str(conf / "zookeeper.properties"), of_a_service, *SERVICES),
    ]
    return Process("druid", command, os.environ | {LOGIN_VARIABLE: login}, logs, folder)


def wait_for_druid(druid: Process, folder: pathlib.Path, port: int, coordinator_port: int) -> None:
    """Returns once `druid`, whose data is in `folder`, answers queries and has a worker for the tasks of supervisors.

    A supervisor that is made before there is a worker sleeps for a minute.

    Raises:
        Refusal: one of its services does not come up within `READY_SECONDS_MAX` of the one before.
    """
    get = functools.partial(_get, tls_of(make_certificate(folder / "keys")))
    broker, coordinator = f"https://127.0.0.1:{port}", f"https://127.0.0.1:{coordinator_port}"
    for what, holds in (
        (f"the health of the coordinator on port {coordinator_port}", lambda: get(f"{coordinator}/status/health") == b"true"),
        ("an overlord that leads", lambda: b"true" in get(f"{coordinator}/druid/indexer/v1/isLeader")),
        (f"the health of the broker on port {port}", lambda: get(f"{broker}/status/health") == b"true"),
        ("a worker for tasks", lambda: bool(msgspec.json.decode(get(f"{coordinator}/druid/indexer/v1/workers") or b"[]"))),
    ):
        druid.wait_until(holds, READY_SECONDS_MAX, what)


def _get(tls: ssl.SSLContext, url: str) -> bytes:
    """What the service answers; nothing while it does not."""
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_S_MAX, context=tls) as answer:  # noqa: S310 - a URL of this module
            return bytes(answer.read()).strip()
    except (urllib.error.URLError, OSError):
        return b""


def _class_paths(jars: pathlib.Path, classes: pathlib.Path, conf: pathlib.Path) -> tuple[str, str]:
    """The class path of each service, and the class path that all services share.

    The class that starts a service is loaded by the service's own class loader, so it must not be on the shared path.
    """
    names = sorted(jars.glob("*.jar"))
    own = [classes / "service", *(jar for jar in names if _OF_A_SERVICE.match(jar.name))]
    shared = [classes / "boot", conf, *(jar for jar in names if not _OF_A_SERVICE.match(jar.name))]
    return ":".join(map(str, own)), ":".join(map(str, shared))


def _properties(folder: pathlib.Path) -> dict[str, object]:
    return {
        "user.timezone": "UTC",
        "file.encoding": "UTF-8",
        "java.io.tmpdir": folder / "tmp",
        "java.util.logging.manager": "org.apache.logging.log4j.jul.LogManager",
        "log4j2.disable.jmx": "true",
        "derby.stream.error.file": folder / "derby.log",
        "zookeeper.admin.enableServer": "false",
    }
