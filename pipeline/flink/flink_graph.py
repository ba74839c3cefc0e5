"""The jobs on Flink share this code: it builds sources, sinks and frames of a graph, and connects to the cluster."""

import os
import pathlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pyflink.common import Configuration, Types
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.data_stream import DataStream, KeyedStream
from pyflink.java_gateway import get_gateway
from pyflink.util.java_utils import add_jars_to_context_class_loader

from foundation.settings import Settings
from pipeline.control.kafka_access import java_connection_of
from pipeline.flink.flink_gateway import close_gateway
from pipeline.flink.transactions import transaction_ms_max
from pipeline.wire.declaration import Source, Tag

PARALLELISM_MAX = 128
_SHADED = "org.apache.flink.kafka.shaded.org.apache.kafka"
"""The Java package under which Flink's connector holds Kafka's classes."""
BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
_CONSUMER = {"fetch.min.bytes": "1", "fetch.max.wait.ms": "500", "partition.discovery.interval.ms": "30000"}
_UNHURRIED = {"fetch.min.bytes": "1048576"}
"""A delivering job fetches half a second of records at once: nobody waits for them, and each fetch costs as much as a decision."""
_PRODUCER = {"acks": "all", "batch.size": "131072", "max.request.size": "16777216"}


class Graph:
    """Builds the graph of one job from PyFlink's classes and this project's Java classes.

    Args:
        settings: name the broker and the topics.
        environment: takes the sources, stages and sinks.
        group: consumer group of the sources.
    """

    def __init__(self, settings: Settings, environment: StreamExecutionEnvironment, group: str) -> None:
        self.java = get_gateway().jvm
        self.weir = self.java.weir.flink
        self.selector = self.java.org.apache.flink.streaming.api.functions.python.KeyByKeySelector()
        self._settings = settings
        self._environment = environment
        self._group = group

    def source(self, topics: str | Sequence[str], what: Source, watermarks: Any, parallelism: int, delivering: bool = False) -> Any:
        """Adds a source that reads `topics` from the checkpoint's offsets on, or without a checkpoint from the oldest record on.

        Args:
            topics: the short name of the topic, or of several; saved state is found again by the first one.
            what: the source that Java makes the rows for.
            watermarks: Flink's strategy of watermarks, a Java object.
            parallelism: number of subtasks that read.
            delivering: fetches twice a second, and without a checkpoint starts from the offsets that the group has committed.
        """
        kafka = self.java.org.apache.flink.connector.kafka.source
        offsets = kafka.enumerator.initializer.OffsetsInitializer
        oldest = self.java.org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.OffsetResetStrategy.EARLIEST
        each = (topics,) if isinstance(topics, str) else topics
        names = get_gateway().new_array(self.java.java.lang.String, len(each))
        for place, topic in enumerate(each):
            names[place] = self._settings.topic(topic)
        builder = kafka.KafkaSource.builder().setBootstrapServers(self._settings.bootstrap).setTopics(names).setGroupId(self._group)
        for name, value in {**_CONSUMER, **(_UNHURRIED if delivering else {}), **java_connection_of(self._settings, _SHADED)}.items():
            builder = builder.setProperty(name, value)
        start = offsets.committedOffsets(oldest) if delivering else offsets.earliest()
        source = builder.setStartingOffsets(start).setDeserializer(self.weir.RecordDeserializer(str(what))).build()
        stream = self._environment._j_stream_execution_environment.fromSource(source, watermarks, each[0])
        return stream.uid(f"{each[0]}-source").setParallelism(parallelism)

    def keyed(self, bundles: Any) -> KeyedStream:
        """Declares a stream of micro-batches as keyed; all keys of a micro-batch must belong to the subtask that it is in."""
        streams = self.java.org.apache.flink.streaming.api.datastream.DataStreamUtils
        return KeyedStream(streams.reinterpretAsKeyedStream(bundles, self.selector, self.weir.Rows.KEY), BYTES, DataStream(bundles))

    def unbundled(self, frames: DataStream, name: str) -> Any:
        """Splits the output of the Python stage `name` into its frames, one row each."""
        frames.uid(f"{name}-stage").name(f"{name}-stage")
        return frames._j_data_stream.process(self.weir.Unbundle(), self.weir.Rows.TYPE).uid(f"{name}-unbundle")

    def kafka_sink(self, stream: Any, uid: str, topics: Mapping[Tag, str], linger_ms: int = 0, transactions: str = "") -> None:
        """Writes each row to the topic of its tag: at least once and immediately, or exactly once with the checkpoint.

        Args:
            stream: of rows with a tag.
            uid: of the sink; saved state is found again by it.
            topics: short names by tag.
            linger_ms: how long a batch of the producer is gathered. With 0 a batch holds what has come since the last request; as only one
                request is on its way at a time, batches grow under load.
            transactions: what the ids of this job's transactions begin with, for exactly once; empty for at least once.
        """
        names = self._map({str(letter): self._settings.topic(name) for letter, name in topics.items()})
        builder = self.java.org.apache.flink.connector.kafka.sink.KafkaSink.builder().setBootstrapServers(self._settings.bootstrap)
        properties = {**_PRODUCER, **java_connection_of(self._settings, _SHADED), "linger.ms": str(linger_ms)}
        if not linger_ms:
            properties["max.in.flight.requests.per.connection"] = "1"
        guarantees = self.java.org.apache.flink.connector.base.DeliveryGuarantee
        # Without a guarantee the producer's buffer is not flushed at a checkpoint, and a kill just after one loses what was in it.
        guarantee = guarantees.AT_LEAST_ONCE
        if transactions:
            guarantee = guarantees.EXACTLY_ONCE
            properties["transaction.timeout.ms"] = str(transaction_ms_max(self._settings))
            builder = builder.setTransactionalIdPrefix(transactions)
        for name, value in properties.items():
            builder = builder.setProperty(name, value)
        sink = builder.setDeliveryGuarantee(guarantee).setRecordSerializer(self.weir.TopicSerializer(names)).build()
        stream.sinkTo(sink).uid(uid).name(uid)

    def ends(self, topics: Mapping[Source, str]) -> Any:
        """Makes the Java object that tells a task the present end offsets of topics of one partition.

        Args:
            topics: short names by source.
        """
        names = self._map({str(letter): self._settings.topic(name) for letter, name in topics.items()})
        return self.weir.TopicEnds(names, self._settings.bootstrap, self._map(java_connection_of(self._settings, _SHADED)))

    def offsets(self, ends: Mapping[int, int]) -> Any:
        """Makes a Java map of offsets by partition."""
        return self._map(ends)

    def _map(self, values: Mapping[Any, Any]) -> Any:
        found = self.java.java.util.HashMap()
        for key, value in values.items():
            found.put(key, value)
        return found

    def array(self, *streams: Any) -> Any:
        """Makes a Java array of streams."""
        array = get_gateway().new_array(self.java.org.apache.flink.streaming.api.datastream.DataStream, len(streams))
        for position, stream in enumerate(streams):
            array[position] = stream
        return array


def job_configuration(settings: Settings, name: str, checkpoint_interval_ms: int, checkpoint: pathlib.Path | None) -> dict[str, str]:
    """Gives Flink's settings of the job `name`; Flink's reference of its configuration explains each.

    Args:
        checkpoint_interval_ms: time between two checkpoints.
        checkpoint: the checkpoint that the job starts from, if any.
    """
    chosen = {
        "execution.target": "remote",
        "rest.address": settings.flink_host,
        "rest.port": str(settings.flink_port),
        # `weir up` submits while the JobManager is coming up; with Flink's own delay of 3 s the job would start later by as much.
        "rest.retry.delay": "200 ms",
        "rest.retry.max-attempts": "600",
        "python.execution-mode": "thread",
        "python.executable": sys.executable,
        "pipeline.object-reuse": "true",
        "pipeline.max-parallelism": str(PARALLELISM_MAX),
        "pipeline.auto-watermark-interval": "50 ms",
        "execution.buffer-timeout.interval": "0 ms",
        "execution.checkpointing.interval": f"{checkpoint_interval_ms} ms",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.num-retained": "2",
        # When a checkpoint fails, as on a full disk, the job goes on in memory, and the next checkpoint that succeeds holds everything.
        "execution.checkpointing.tolerable-failed-checkpoints": "1000000",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.dir": settings.path("flink", "checkpoints", name).as_uri(),
        "state.backend.type": "hashmap",
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "1000000",
        "restart-strategy.fixed-delay.delay": "500 ms",
    }
    if checkpoint is not None:
        chosen["execution.state-recovery.path"] = checkpoint.absolute().as_uri()
    return chosen


def remote_environment(configuration: Mapping[str, str], parallelism: int) -> StreamExecutionEnvironment:
    """Makes an environment that submits jobs to the cluster that `configuration` names; call it once, before anything else of PyFlink."""
    close_gateway()
    loaded = get_gateway().jvm.org.apache.flink.configuration.GlobalConfiguration.loadConfiguration()
    chosen = Configuration()
    for name, value in {**_way_in(loaded), **configuration}.items():
        chosen.set_string(name, value)
    add_jars_to_context_class_loader([jar.as_uri() for jar in _client_jars()])
    _find_file_systems(loaded)
    java = get_gateway().jvm.org.apache.flink.streaming.api.environment
    # PyFlink's get_execution_environment would ignore the target and start a cluster inside this process.
    environment = StreamExecutionEnvironment(java.StreamExecutionEnvironment(chosen._j_configuration))
    environment.set_parallelism(parallelism)
    return environment


def _way_in(loaded: Any) -> dict[str, str]:
    """Gives the TLS options that clients of the cluster's REST interface need, from the cluster's own configuration."""
    return {name: value for name, value in dict(loaded.toMap()).items() if name.startswith("security.ssl.")}


def _find_file_systems(loaded: Any) -> None:
    """Loads the file systems that are Flink plugins: a file sink needs its file system in the client too."""
    flink = get_gateway().jvm.org.apache.flink
    flink.core.fs.FileSystem.initialize(loaded, flink.core.plugin.PluginUtils.createPluginManagerFromRootFolder(loaded))


def _client_jars() -> list[pathlib.Path]:
    """Lists the jars that the client needs to build the graph; the cluster has them on its own class path."""
    folder = pathlib.Path(os.environ["FLINK_LIB_DIR"])
    return [jar for jar in sorted(folder.glob("*.jar")) if jar.name.startswith(("weir-", "flink-sql-connector-kafka"))]
