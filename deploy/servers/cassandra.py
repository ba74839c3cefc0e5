"""Runs one Cassandra node as a process on this machine, on 127.0.0.1, with its data in one folder."""

import os
import pathlib

import yaml
from cassandra import ProtocolVersion
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import RoundRobinPolicy

from deploy.machine.certificate import Certificate, make_certificate, tls_of
from deploy.machine.jars import server_jars
from deploy.machine.ports import is_open, require_free
from deploy.machine.private_files import make_private_folder, write_private
from deploy.machine.processes import Process

READY_SECONDS_MAX = 240.0
_TIMER_SLACK_US = 500
"""Idle workers of the node wake every 10 µs to look for work. With the kernel's default slack that is 40,000 times a second and costs a
third of a core at any load. With this slack it costs half of that, and a read takes 0.05 ms longer at 1,000/s, and less at 5,000/s."""
_HEAP = "512m"
_YOUNG = "200m"
_TRIE = {"configurations": {"trie": {"class_name": "TrieMemtable"}, "default": {"inherits": "trie"}}}
_EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/java.lang.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.rmi/sun.rmi.transport.tcp",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.attach/sun.tools.attach",
)
_OPENS = (
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.lang.reflect",
    "java.base/java.lang",
    "java.base/java.util",
    "java.base/java.nio",
    "jdk.management/com.sun.management.internal",
    "jdk.compiler/com.sun.tools.javac",
)
_ALONE = {  # a single node has no other nodes to wait for
    "cassandra.superuser_setup_delay_ms": 0,
    "cassandra.skip_wait_for_gossip_to_settle": 0,
    "cassandra.ring_delay_ms": 1,
    "cassandra.load_ring_state": "false",
    "cassandra.shutdown_announce_in_ms": 0,
}
_LOGBACK = """<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date %level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="console"/></root>
</configuration>
"""


def start_cassandra(folder: pathlib.Path, logs: pathlib.Path, port: int, storage_port: int, closed: bool = False) -> Process:
    """Starts a node with its data in `folder` and returns once it answers: after about 10 s, and the first time once its jars are there.

    Args:
        folder: the data, which is kept between starts.
        logs: the folder for ``cassandra.log``.
        port: the port for clients, on 127.0.0.1.
        storage_port: the port between nodes, which nothing else uses.
        closed: whether clients need the certificate in ``folder/keys``.

    Raises:
        Refusal: a port is taken, the jars cannot be fetched, or the node does not come up.
    """
    cassandra = launch_cassandra(folder, logs, port, storage_port, closed)
    wait_for_cassandra(cassandra, port, make_certificate(folder / "keys") if closed else None)
    return cassandra


def launch_cassandra(folder: pathlib.Path, logs: pathlib.Path, port: int, storage_port: int, closed: bool = False) -> Process:
    """Starts a node like `start_cassandra`, and does not wait for its answer."""
    require_free(port, "Cassandra's clients")
    require_free(storage_port, "Cassandra's nodes")
    jars = server_jars("cassandra")
    conf = folder / "conf"
    make_private_folder(folder)
    conf.mkdir(exist_ok=True)
    configuration = _configuration(folder, port, storage_port)
    if closed:
        configuration |= _closed(make_certificate(folder / "keys"))
    write_private(conf / "cassandra.yaml", yaml.safe_dump(configuration))
    (conf / "logback.xml").write_text(_LOGBACK)
    [agent] = jars.glob("jamm-*.jar")
    chosen = _ALONE | {
        "cassandra.config": (conf / "cassandra.yaml").as_uri(),
        "logback.configurationFile": conf / "logback.xml",
        "cassandra.storagedir": folder,
        "cassandra.logdir": folder,
        "cassandra-foreground": "yes",
        "jdk.attach.allowAttachSelf": "true",
        "io.netty.tryReflectionSetAccessible": "true",
    }
    command = [
        *(
            "java",
            f"-Xms{_HEAP}",
            f"-Xmx{_HEAP}",
            "-XX:+UseSerialGC",
            f"-Xmn{_YOUNG}",
            "-Xss512k",
            "-XX:+ExitOnOutOfMemoryError",
            f"-javaagent:{agent}",
        ),
        *(f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTS),
        *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENS),
        *(f"-D{name}={value}" for name, value in chosen.items()),
        *("-cp", f"{conf}:{jars}/*", "org.apache.cassandra.service.CassandraDaemon"),
    ]
    return Process("cassandra", command, os.environ, logs, timer_slack_us=_TIMER_SLACK_US)


def wait_for_cassandra(cassandra: Process, port: int, certificate: Certificate | None = None) -> None:
    """Returns once `cassandra` answers a query on `port`.

    Raises:
        Refusal: it does not within `READY_SECONDS_MAX`.
    """
    cassandra.wait_until(lambda: is_open(port) and _answers(port, certificate), READY_SECONDS_MAX, f"an answer on port {port}")


def _answers(port: int, certificate: Certificate | None) -> bool:
    profiles = {EXEC_PROFILE_DEFAULT: ExecutionProfile(RoundRobinPolicy())}
    tls = None if certificate is None else tls_of(certificate)
    cluster = Cluster(["127.0.0.1"], port=port, execution_profiles=profiles, protocol_version=ProtocolVersion.V5, ssl_context=tls)
    try:
        return bool(cluster.connect().execute("SELECT release_version FROM system.local").one())
    except NoHostAvailable:
        return False
    finally:
        cluster.shutdown()


def _closed(certificate: Certificate) -> dict[str, object]:
    """The settings of a node whose clients and peers need the certificate.

    With passwords there would be a moment at the first start in which a new node accepts its well-known default password.
    """
    stores = {
        f"{name}{part}": value
        for name in ("keystore", "truststore")
        for part, value in (("", str(certificate.store)), ("_password", certificate.password))
    }
    shown = {"optional": False, "require_client_auth": True, "store_type": "PKCS12", **stores}
    return {
        "client_encryption_options": {"enabled": True, **shown},
        "server_encryption_options": {"internode_encryption": "all", **shown},
    }


def _configuration(folder: pathlib.Path, port: int, storage_port: int) -> dict[str, object]:
    seeds = [{"class_name": "org.apache.cassandra.locator.SimpleSeedProvider", "parameters": [{"seeds": f"127.0.0.1:{storage_port}"}]}]
    return {
        "cluster_name": "weir",
        "num_tokens": 1,
        "initial_token": "0",
        "auto_bootstrap": False,
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "SimpleSnitch",
        "seed_provider": seeds,
        "listen_address": "127.0.0.1",
        "storage_port": storage_port,
        "rpc_address": "127.0.0.1",
        "start_native_transport": True,
        "native_transport_port": port,
        "data_file_directories": [str(folder / "data")],
        "commitlog_directory": str(folder / "commitlog"),
        "hints_directory": str(folder / "hints"),
        "saved_caches_directory": str(folder / "saved_caches"),
        "cdc_raw_directory": str(folder / "cdc_raw"),
        # A write is acknowledged before it is synced; writers wait for the sync once for many rows (`stores.cassandra.cassandra_settling`).
        "commitlog_sync": "periodic",
        "commitlog_sync_period": "20ms",
        "periodic_commitlog_sync_lag_block": "30ms",
        "commitlog_segment_size": "8MiB",
        "commitlog_total_space": "256MiB",
        "concurrent_reads": 4,
        "concurrent_writes": 32,
        "concurrent_counter_writes": 2,
        "concurrent_compactors": 1,
        "memtable": _TRIE,
        "memtable_allocation_type": "offheap_objects",
        "memtable_heap_space": "64MiB",
        "memtable_offheap_space": "64MiB",
        "file_cache_size": "32MiB",
        "networking_cache_size": "16MiB",
        "key_cache_size": "4MiB",
        "counter_cache_size": "2MiB",
        "auto_snapshot": False,
        # Large batches are fine with one node, which has all rows (see `stores.cassandra.cassandra`).
        "batch_size_warn_threshold": "256KiB",
        "batch_size_fail_threshold": "1024KiB",
        "unlogged_batch_across_partitions_warn_threshold": 1_000,
        "disk_failure_policy": "stop",
        "commit_failure_policy": "stop",
        "authenticator": "AllowAllAuthenticator",
        "authorizer": "AllowAllAuthorizer",
        "role_manager": "CassandraRoleManager",
        "sstable": {"selected_format": "big"},
    }
