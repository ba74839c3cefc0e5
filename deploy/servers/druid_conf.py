"""Writes the property files of Druid's services, with sizes for one small machine."""

import pathlib

import msgspec

from deploy.machine.certificate import ALIAS, Certificate
from deploy.machine.private_files import write_private

SERVICES = ("broker", "coordinator-overlord", "indexer", "historical")
"""The services in the order of their start; one that starts before a service that it needs waits about 10 s."""
_SEGMENTS_MAX = "20g"
_LOG4J = """<Configuration status="WARN">
  <Appenders><Console name="console"><PatternLayout pattern="%d{ISO8601} %p [%t] %c - %m%n"/></Console></Appenders>
  <Loggers><Root level="info"><AppenderRef ref="console"/></Root></Loggers>
</Configuration>
"""


class DruidPorts(msgspec.Struct, frozen=True):
    """The ports of Druid, all on 127.0.0.1 with TLS. The broker answers queries, the coordinator takes supervisors; others are internal."""

    broker: int
    coordinator: int
    indexer: int
    historical: int
    zookeeper: int


def write_configuration(folder: pathlib.Path, ports: DruidPorts, certificate: Certificate) -> pathlib.Path:
    """Writes the configuration of all services to ``folder/conf`` and gives that folder; their data is in `folder` too.

    Args:
        certificate: the certificate that every port shows and needs.
    """
    conf = folder / "conf"
    conf.mkdir(parents=True, exist_ok=True)
    (conf / "log4j2.xml").write_text(_LOG4J)
    write_private(conf / "zookeeper.properties", _lines(_of_zookeeper(folder, ports, certificate)))
    write_private(conf / "common.properties", _lines(_shared(folder, ports) | _closed(certificate)))
    for service, properties in _of_services(folder, ports).items():
        write_private(conf / f"{service}.properties", _lines(properties))
    return conf


def _lines(properties: dict[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def _of_zookeeper(folder: pathlib.Path, ports: DruidPorts, certificate: Certificate) -> dict[str, object]:
    """The properties of ZooKeeper. It sets unknown ones as system properties, which its clients in the same process read."""
    return {
        "tickTime": 1000,
        "dataDir": folder / "zookeeper",
        "secureClientPort": ports.zookeeper,
        "secureClientPortAddress": "127.0.0.1",
        "maxClientCnxns": 0,
        "serverCnxnFactory": "org.apache.zookeeper.server.NettyServerCnxnFactory",
        "ssl.clientAuth": "need",
        "clientCnxnSocket": "org.apache.zookeeper.ClientCnxnSocketNetty",
        "client.secure": "true",
        # In a PKCS #12 store ZooKeeper trusts only certificates without a key, of which there are none; so it gets the PEM file.
        **{
            f"ssl.{store}.{part}": value
            for store in ("keyStore", "trustStore")
            for part, value in (("location", certificate.client), ("type", "PEM"))
        },
    }


def _shared(folder: pathlib.Path, ports: DruidPorts) -> dict[str, object]:
    return {
        "druid.extensions.loadList": "[]",  # the Kafka extension is on the class path
        "druid.host": "127.0.0.1",
        "druid.bindOnHost": "true",
        "druid.zk.service.host": f"127.0.0.1:{ports.zookeeper}",
        "druid.zk.paths.base": "/druid",
        "druid.metadata.storage.type": "derby-in-this-process",
        "druid.metadata.storage.connector.connectURI": f"jdbc:derby:{folder}/metadata.db;create=true",
        "druid.storage.type": "local",
        "druid.storage.storageDirectory": folder / "segments",
        "druid.indexer.logs.type": "file",
        "druid.indexer.logs.directory": folder / "indexing-logs",
        "druid.indexer.task.baseDir": folder / "task",
        "druid.indexer.runner.type": "httpRemote",
        "druid.emitter": "noop",
        "druid.serverview.type": "http",
        "druid.startup.logging.logProperties": "false",
        "druid.lookup.enableLookupSyncOnStartup": "false",
        "druid.processing.numThreads": 1,
        "druid.processing.numMergeBuffers": 2,
        "druid.processing.buffer.sizeBytes": "10MiB",
        "druid.global.http.numConnections": 10,
        "druid.broker.http.numConnections": 5,
        "druid.server.http.numThreads": 12,
        # Without these two a stop takes half a minute.
        "druid.server.http.gracefulShutdownTimeout": "PT0.5S",
        "druid.server.http.unannouncePropagationDelay": "PT0S",
        # A task that has published checks at this interval whether its segments are served, and then ends.
        "druid.segment.handoff.pollDuration": "PT1S",
        "druid.sql.enable": "true",
    }


def _closed(certificate: Certificate) -> dict[str, object]:
    """The properties with which every port needs the certificate; `ClosedDruid.java` makes the services show it to each other."""
    stores = {
        f"druid.server.https.{store}{part}": value
        for store in ("keyStore", "trustStore")
        for part, value in (("Path", certificate.store), ("Type", "PKCS12"), ("Password", certificate.password))
    }
    return {
        "druid.enablePlaintextPort": "false",
        "druid.enableTlsPort": "true",
        "druid.server.https.certAlias": ALIAS,
        "druid.server.https.requireClientCertificate": "true",
        "druid.server.https.validateHostnames": "false",  # these are the names of clients, which may have any address of this machine
        "druid.server.https.includeProtocols": '["TLSv1.2", "TLSv1.3"]',
        **stores,
    }


def _of_services(folder: pathlib.Path, ports: DruidPorts) -> dict[str, dict[str, object]]:
    cache = msgspec.json.encode([{"path": str(folder / "segment-cache"), "maxSize": _SEGMENTS_MAX}]).decode()
    return {
        "broker": {
            "druid.service": "druid/broker",
            "druid.tlsPort": ports.broker,
            "druid.broker.cache.useCache": "false",
            "druid.broker.cache.populateCache": "false",
            "druid.broker.segment.awaitInitializationOnStart": "false",
            "druid.broker.http.readTimeout": "PT1M",
            "druid.sql.planner.metadataRefreshPeriod": "PT1S",
        },
        "coordinator-overlord": {
            "druid.service": "druid/coordinator",
            "druid.tlsPort": ports.coordinator,
            "druid.coordinator.startDelay": "PT1S",
            "druid.coordinator.period": "PT2S",
            "druid.coordinator.period.indexingPeriod": "PT60S",
            "druid.coordinator.asOverlord.enabled": "true",
            "druid.coordinator.asOverlord.overlordService": "druid/overlord",
            # A task that finds no indexer sleeps for a minute; so tasks start when the indexer is up.
            "druid.indexer.queue.startDelay": "PT10S",
            # Tasks end with their process, and the supervisor makes new ones from the published offsets. If tasks were kept in the
            # database, one that has published but not ended would run again from its start, and hide later records.
            "druid.indexer.storage.type": "local",
            "druid.manager.segments.pollDuration": "PT1S",
            "druid.manager.rules.pollDuration": "PT1S",
        },
        "indexer": {
            "druid.service": "druid/indexer",
            "druid.tlsPort": ports.indexer,
            "druid.worker.capacity": 4,
            "druid.worker.globalIngestionHeapLimitBytes": 100_000_000,
            "druid.worker.numConcurrentMerges": 1,
        },
        "historical": {
            "druid.service": "druid/historical",
            "druid.tlsPort": ports.historical,
            "druid.server.maxSize": _SEGMENTS_MAX,
            "druid.segmentCache.locations": cache,
            "druid.historical.cache.useCache": "false",
            "druid.historical.cache.populateCache": "false",
        },
    }
