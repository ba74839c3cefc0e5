"""A Kafka broker as a process of this machine: KRaft, one node."""

import base64
import os
import pathlib
import subprocess
import uuid

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.jars import server_jars
from deploy.ports import require_free
from deploy.processes import Process
from deploy.topics import RETENTION_MS
from deploy.yielding import ALL_FROM_THE_START, QUICK_ONLY
from features.refusal import Refusal

READY_SECONDS_MAX = 60.0
_JAVA = ("java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
# Each pause of the broker is one of every decision on its way: G1 stops for 5 ms where SerialGC stopped for 20, at the same CPU, and
# what outlives two collections (samples of the broker's own metrics, mostly) is not copied again at each.
_COLLECTOR = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=5", "-XX:MaxTenuringThreshold=2")
_SERVER = (*_JAVA, "-Xms384m", "-Xmx384m", *_COLLECTOR, ALL_FROM_THE_START)
_TOOL = (*_JAVA, "-XX:+UseSerialGC", QUICK_ONLY)


def start_broker(folder: pathlib.Path, logs: pathlib.Path, port: int, controller_port: int) -> Process:
    """Starts a broker that keeps its data in `folder` and returns once it answers (about 3 s; the first time also its jars).

    Args:
        folder: kept between starts; formatted at the first one.
        logs: where ``broker.log`` goes.
        port: for clients, on 127.0.0.1.
        controller_port: for the broker's own controller.

    Raises:
        Refusal: a port is taken, the jars cannot be had, or the broker does not come up.
    """
    broker = launch_broker(folder, logs, port, controller_port)
    wait_for_broker(broker, port)
    return broker


def launch_broker(folder: pathlib.Path, logs: pathlib.Path, port: int, controller_port: int) -> Process:
    """As `start_broker`, without waiting for its answer."""
    require_free(port, "the Kafka broker")
    require_free(controller_port, "the Kafka controller")
    folder.mkdir(parents=True, exist_ok=True)
    properties = folder / "server.properties"
    properties.write_text(_properties(folder / "data", port, controller_port))
    class_path = f"{server_jars('kafka')}/*"
    if not (folder / "data" / "meta.properties").exists():
        _format(class_path, properties)
    command = [*_SERVER, "-cp", class_path, "kafka.Kafka", str(properties)]
    return Process("broker", command, os.environ, logs)


def wait_for_broker(broker: Process, port: int) -> None:
    """Returns once `broker` answers on `port`.

    Raises:
        Refusal: it does not within `READY_SECONDS_MAX`.
    """
    admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})
    broker.wait_until(lambda: _answers(admin), READY_SECONDS_MAX, f"an answer on port {port}")


def _answers(admin: AdminClient) -> bool:
    try:
        return bool(admin.list_topics(timeout=1.0).brokers)
    except KafkaException:
        return False


def _format(class_path: str, properties: pathlib.Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    command = [
        *_TOOL,
        "-cp",
        class_path,
        "kafka.tools.StorageTool",
        "format",
        "--standalone",
        f"--cluster-id={cluster}",
        "-c",
        str(properties),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise Refusal(
            "storage not formatted", where=str(properties), expected="a formatted folder", got=(run.stdout + run.stderr).strip()[-300:]
        )


def _properties(data: pathlib.Path, port: int, controller_port: int) -> str:
    here = f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}"
    values = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller_port}",
        "listeners": here,
        "advertised.listeners": here,
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        # As long as topics are kept: a job that was stopped with the machine still commits what its last checkpoint holds.
        "transaction.max.timeout.ms": RETENTION_MS,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # A snapshot of models is one record of up to 16 MB.
        "message.max.bytes": 16_777_216,
        "replica.fetch.max.bytes": 16_777_216,
        # Otherwise the controller writes, and syncs, a record that says nothing twice a second.
        "metadata.max.idle.interval.ms": 0,
        "log.cleaner.backoff.ms": 15_000,
        "log.cleaner.dedupe.buffer.size": 8_388_608,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())
