"""Runs a Kafka broker as a process on this machine: one node, with KRaft."""

import base64
import os
import pathlib
import secrets
import subprocess
import uuid

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from deploy.machine.jars import server_jars
from deploy.machine.ports import free_ports, require_free
from deploy.machine.private_files import UMASK, make_private_folder, secret_in, write_private
from deploy.machine.processes import Process
from deploy.machine.yielding import ALL_FROM_THE_START, QUICK_ONLY
from deploy.servers.topics import RETENTION_MS
from foundation.refusal import Refusal

READY_SECONDS_MAX = 240.0
_JAVA = ("java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
# Every pause of the broker delays all decisions in flight. G1 pauses for 5 ms where SerialGC paused for 20, at the same CPU cost, and
# objects that outlive two collections (mostly samples of the broker's own metrics) are not copied again by each later one.
_COLLECTOR = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=5", "-XX:MaxTenuringThreshold=2")
_SERVER = (*_JAVA, "-Xms384m", "-Xmx384m", *_COLLECTOR, ALL_FROM_THE_START)
MECHANISM = "SCRAM-SHA-512"
USER = "weir"
_OWNER = "owner"
_OWNER_FILE = "owner"
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
_ITERATIONS = 4096
_SET_SECONDS_MAX = 30.0
_TOOL = (*_JAVA, "-XX:+UseSerialGC", QUICK_ONLY)


def start_broker(folder: pathlib.Path, logs: pathlib.Path, port: int, controller_port: int, secret: pathlib.Path | None = None) -> Process:
    """Starts a broker with its data in `folder` and returns once it answers: after about 3 s, and the first time once its jars are there.

    Args:
        folder: the data, which is kept between starts; the first start formats it.
        logs: the folder for ``broker.log``.
        port: the port for clients, on 127.0.0.1.
        controller_port: the port of the broker's own controller.
        secret: the file with the password that clients need, as the user `USER`; it is made if it is missing. With None the broker needs
            no password.

    Raises:
        Refusal: a port is taken, the jars cannot be fetched, or the broker does not come up.
    """
    broker = launch_broker(folder, logs, port, controller_port, secret)
    try:
        wait_for_broker(broker, port, folder, secret)
    except BaseException:  # also an error of a client whose password the broker refuses: another try needs the ports again
        broker.kill()
        raise
    return broker


def launch_broker(folder: pathlib.Path, logs: pathlib.Path, port: int, controller_port: int, secret: pathlib.Path | None = None) -> Process:
    """Starts a broker like `start_broker`, and does not wait for its answer."""
    require_free(port, "the Kafka broker")
    require_free(controller_port, "the Kafka controller")
    make_private_folder(folder)
    properties = folder / "server.properties"
    values = _properties(folder / "data", port, controller_port)
    values |= _open(port, controller_port) if secret is None else _closed(folder, port, controller_port)
    write_private(properties, "".join(f"{name}={value}\n" for name, value in values.items()))
    class_path = f"{server_jars('kafka')}/*"
    if not (folder / "data" / "meta.properties").exists():
        _format(class_path, properties)
    command = [*_SERVER, "-cp", class_path, "kafka.Kafka", str(properties)]
    return Process("broker", command, os.environ, logs)


def wait_for_broker(broker: Process, port: int, folder: pathlib.Path, secret: pathlib.Path | None = None) -> None:
    """Returns once `broker` answers on `port` and accepts the password in `secret`.

    Raises:
        Refusal: it does not within `READY_SECONDS_MAX`.
    """
    open_to_all = {"bootstrap.servers": f"127.0.0.1:{port}", "log_level": "0"}
    if secret is None:
        client = AdminClient({**open_to_all})
    else:
        owner = AdminClient({**_owner(folder)})
        broker.wait_until(lambda: _answers(owner), READY_SECONDS_MAX, "an answer to its owner")
        password = secret_in(secret)
        _set_password(owner, password)
        client = AdminClient({**open_to_all, **_login(MECHANISM, USER, password)})
    broker.wait_until(lambda: _answers(client), READY_SECONDS_MAX, f"an answer on port {port}")


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
    run = subprocess.run(command, capture_output=True, text=True, check=False, umask=UMASK)
    if run.returncode:
        raise Refusal(
            "the storage of Kafka could not be formatted",
            where=str(properties),
            expected="exit status 0 of Kafka's storage tool",
            got=(run.stdout + run.stderr).strip()[-300:],
        )


def _properties(data: pathlib.Path, port: int, controller_port: int) -> dict[str, object]:
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        # This is as long as topics keep records, so that a job which was stopped with the machine can still commit its last transaction.
        "transaction.max.timeout.ms": RETENTION_MS,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # A snapshot of a model is one record of up to 16 MB.
        "message.max.bytes": 16_777_216,
        "replica.fetch.max.bytes": 16_777_216,
        # Otherwise the controller writes and syncs an empty record twice a second.
        "metadata.max.idle.interval.ms": 0,
        "log.cleaner.backoff.ms": 15_000,
        "log.cleaner.dedupe.buffer.size": 8_388_608,
    }


def _open(port: int, controller_port: int) -> dict[str, object]:
    here = f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}"
    return {
        "listeners": here,
        "advertised.listeners": here,
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    }


def _closed(folder: pathlib.Path, port: int, controller_port: int) -> dict[str, object]:
    """The properties of a broker whose clients need a password.

    Clients log in with SCRAM, which never sends the password; so a program that takes the port of a stopped broker learns nothing. The
    broker itself, and the program that sets the clients' password, use a listener of their own with a password that is made at each
    start. So a folder from before passwords, and one whose password was changed, can be started too.
    """
    [own_port] = free_ports(1)
    password = secrets.token_urlsafe(32)
    write_private(folder / _OWNER_FILE, f"{own_port}\n{password}\n")
    here = f"CLIENTS://127.0.0.1:{port},OWNER://127.0.0.1:{own_port},CONTROLLER://127.0.0.1:{controller_port}"
    login = f'{_PLAIN} required username="{_OWNER}" password="{password}" user_{_OWNER}="{password}";'
    return {
        "listeners": here,
        "advertised.listeners": here,
        "inter.broker.listener.name": "OWNER",
        "listener.security.protocol.map": ",".join(f"{name}:SASL_PLAINTEXT" for name in ("CLIENTS", "OWNER", "CONTROLLER")),
        "sasl.mechanism.inter.broker.protocol": "PLAIN",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.clients.sasl.enabled.mechanisms": MECHANISM,
        "listener.name.clients.scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "listener.name.owner.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.owner.plain.sasl.jaas.config": login,
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": login,
    }


def _owner(folder: pathlib.Path) -> dict[str, str]:
    """The connection to the broker as its owner, with the password of this start."""
    port, password = (folder / _OWNER_FILE).read_text().split()
    return {"bootstrap.servers": f"127.0.0.1:{port}", "log_level": "0", **_login("PLAIN", _OWNER, password)}


def _login(mechanism: str, user: str, password: str) -> dict[str, str]:
    return {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": password}


def _set_password(admin: AdminClient, password: str) -> None:
    """Sets the clients' password, of which the broker keeps a salted hash."""
    mechanism = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
    wanted = UserScramCredentialUpsertion(USER, mechanism, password.encode())
    admin.alter_user_scram_credentials([wanted])[USER].result(_SET_SECONDS_MAX)
