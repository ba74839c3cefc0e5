"""The score job: events in, decisions out. Its graph is fixed; what it computes travels on the control topic.

Java bundles and parks, Python decides: see ARCHITECTURE.md. Every operator has an id of its own, so that state finds its
place again when the job is restored at another parallelism or by another version.
"""

import logging
import os
import pathlib
import sys
from typing import Any

import click
from pyflink.common import Configuration, Types
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.data_stream import DataStream, KeyedStream
from pyflink.java_gateway import get_gateway
from pyflink.util.java_utils import add_jars_to_context_class_loader

from features.refusal import Refusal
from pipeline.flink_stages import KeyedStage, UnkeyedStage
from pipeline.flink_start import GROUP, Start, announce, look
from pipeline.settings import Settings, read_settings

log = logging.getLogger(__name__)

PARALLELISM_MAX = 128
TOPICS = {"D": "decisions", "R": "replies", "X": "dead-letters", "T": "late", "M": "models", "Q": "control"}
STAGES = ("pipeline.stages.decode:make_stage", "pipeline.stages.entity:make_stage", "pipeline.stages.user:make_stage")
_BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())


class ScoreJob:
    """The graph on one environment.

    Args:
        settings: of the system.
        start: what the submission found.
        environment: to build on.
        stages: factories of the decode, entity and user stage.
    """

    def __init__(self, settings: Settings, start: Start, environment: StreamExecutionEnvironment, stages: tuple[str, ...]) -> None:
        self._settings = settings
        self._start = start
        self._environment = environment
        self._stages = stages
        self._java = get_gateway().jvm
        self._weir = self._java.weir.flink
        self._selector = self._java.org.apache.flink.streaming.api.functions.python.KeyByKeySelector()
        self._job_start = self._weir.JobStart(
            start.run, start.event_time, start.control_end, start.models_end, self._offsets(start.backlog),
            settings.bundle_events_max, settings.bundle_bytes_max, settings.entity_wait_ms,
        )  # fmt: skip

    def build(self) -> None:
        """Adds the whole graph to the environment."""
        weir, schema = self._weir, self._start.release.schema
        backlog = self._offsets(self._start.backlog)
        bounds = (self._settings.disorder_ms, schema.max_ahead_ms, backlog, self._start.drift_ms)
        times = weir.EventWatermarks(schema.time_field, schema.time_unit, *bounds)
        events = self._source("events", "R", times, self._settings.parallelism)
        control = self._control()
        labels = self._source("labels-resolved", "L", weir.SideWatermarks(self._offsets(self._start.labels_ends)), 1)

        raw = weir.Wiring.bundle(events, control, weir.DecodeBundler(self._job_start), _BYTES.get_java_type_info(), None, "decode-bundler")
        decoded = self._unbundled(DataStream(raw).process(UnkeyedStage(self._stages[0]), _BYTES), "decode")
        messages = decoded.getSideOutput(weir.Unbundle.MESSAGES).union(self._array(self._labels(labels, schema.user, users=False)))
        answered = self._keyed_stage("entity", messages, control, weir.EntityBundler(self._job_start), self._stages[1])
        answers = answered.getSideOutput(weir.Unbundle.ANSWERS)
        users = self._labels(labels, schema.user, users=True)
        arrivals = decoded.getSideOutput(weir.Unbundle.EVENTS).union(self._array(answers, users))
        decided = self._keyed_stage("user", arrivals, control, weir.UserBundler(self._job_start), self._stages[2])

        self._sink(decided, "decisions-sink")
        # Of the entity stage only labels that are none come this way.
        self._sink(decoded.union(self._array(raw.getSideOutput(weir.DecodeBundler.MARKS), answered)), "refusals-sink")

    def _source(self, topic: str, tag: str, watermarks: Any, parallelism: int) -> Any:
        kafka = self._java.org.apache.flink.connector.kafka.source
        offsets = kafka.enumerator.initializer.OffsetsInitializer
        names = get_gateway().new_array(self._java.java.lang.String, 1)
        names[0] = self._settings.topic(topic)
        builder = kafka.KafkaSource.builder().setBootstrapServers(self._settings.bootstrap).setTopics(names).setGroupId(GROUP)
        for name, value in _CONSUMER.items():
            builder = builder.setProperty(name, value)
        source = builder.setStartingOffsets(offsets.earliest()).setDeserializer(self._weir.RecordDeserializer(tag)).build()
        stream = self._environment._j_stream_execution_environment.fromSource(source, watermarks, topic)
        return stream.uid(f"{topic}-source").setParallelism(parallelism)

    def _control(self) -> Any:
        nothing = self._weir.SideWatermarks(self._offsets({}))
        control = self._source("control", "C", nothing, 1)
        return control.union(self._array(self._source("models", "M", nothing, 1))).broadcast()

    def _labels(self, labels: Any, user_kind: str, users: bool) -> Any:
        name = "user-labels" if users else "entity-labels"
        routed = labels.flatMap(self._weir.LabelRoute(user_kind, users)).returns(self._weir.Rows.TYPE)
        return routed.uid(name).name(name).setParallelism(1)

    def _keyed_stage(self, name: str, records: Any, control: Any, bundler: Any, stage: str) -> Any:
        keyed = records.keyBy(self._selector, self._weir.Rows.KEY)
        bundles = self._weir.Wiring.bundle(keyed, control, bundler, self._weir.Rows.BUNDLE, self._selector, f"{name}-bundler")
        rekeyed = self._java.org.apache.flink.streaming.api.datastream.DataStreamUtils.reinterpretAsKeyedStream(
            bundles, self._selector, self._weir.Rows.KEY
        )
        stream = KeyedStream(rekeyed, _BYTES, DataStream(bundles))
        function = KeyedStage(stage, name, self._start.release.schema.ttl_ms)
        return self._unbundled(stream.process(function, _BYTES), name)

    def _unbundled(self, frames: DataStream, name: str) -> Any:
        frames.uid(f"{name}-stage").name(f"{name}-stage")
        return frames._j_data_stream.process(self._weir.Unbundle(), self._weir.Rows.TYPE).uid(f"{name}-unbundle")

    def _sink(self, stream: Any, uid: str) -> None:
        topics = self._java.java.util.HashMap()
        for tag, name in TOPICS.items():
            topics.put(tag, self._settings.topic(name))
        builder = self._java.org.apache.flink.connector.kafka.sink.KafkaSink.builder().setBootstrapServers(self._settings.bootstrap)
        properties = {**_PRODUCER, "linger.ms": str(self._settings.linger_ms)}
        for name, value in properties.items():
            builder = builder.setProperty(name, value)
        # Without this the producer's buffer is not flushed at a checkpoint, and a kill just after one loses what was in it.
        at_least_once = self._java.org.apache.flink.connector.base.DeliveryGuarantee.AT_LEAST_ONCE
        sink = builder.setDeliveryGuarantee(at_least_once).setRecordSerializer(self._weir.TopicSerializer(topics)).build()
        stream.sinkTo(sink).uid(uid).name(uid)

    def _offsets(self, ends: dict[int, int]) -> Any:
        offsets = self._java.java.util.HashMap()
        for partition, end in ends.items():
            offsets.put(partition, end)
        return offsets

    def _array(self, *streams: Any) -> Any:
        array = get_gateway().new_array(self._java.org.apache.flink.streaming.api.datastream.DataStream, len(streams))
        for position, stream in enumerate(streams):
            array[position] = stream
        return array


_CONSUMER = {"fetch.min.bytes": "1", "fetch.max.wait.ms": "500", "partition.discovery.interval.ms": "30000"}
_PRODUCER = {"acks": "all", "batch.size": "131072", "max.request.size": "16777216"}


def job_configuration(settings: Settings, checkpoint: pathlib.Path | None) -> dict[str, str]:
    """Flink's settings of the job; reference: the sections of Flink's configuration that they are named after."""
    chosen = {
        "execution.target": "remote",
        "rest.address": "127.0.0.1",
        "rest.port": str(settings.flink_port),
        "python.execution-mode": "thread",
        "python.executable": sys.executable,
        "pipeline.object-reuse": "true",
        "pipeline.max-parallelism": str(PARALLELISM_MAX),
        "pipeline.auto-watermark-interval": "50 ms",
        "execution.buffer-timeout.interval": "0 ms",
        "execution.checkpointing.interval": f"{settings.checkpoint_interval_ms} ms",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.dir": settings.path("flink", "checkpoints").as_uri(),
        "state.backend.type": "hashmap",
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "1000000",
        "restart-strategy.fixed-delay.delay": "500 ms",
    }
    if checkpoint is not None:
        chosen["execution.state-recovery.path"] = checkpoint.absolute().as_uri()
    return chosen


def submit(settings: Settings, checkpoint: pathlib.Path | None = None, mode: str = "auto", stages: tuple[str, ...] = STAGES) -> str:
    """Submits the job to the cluster of `settings` and gives its id.

    Args:
        checkpoint: what it starts from; ``None``: an empty state and the beginning of the topics.
        mode: ``auto`` (event_time when behind), ``arrival`` or ``event_time``.
        stages: factories of the three stages.

    Raises:
        Refusal: no release is on the control topic.
    """
    start = look(settings, mode)
    configuration = Configuration()
    for name, value in job_configuration(settings, checkpoint).items():
        configuration.set_string(name, value)
    add_jars_to_context_class_loader([jar.as_uri() for jar in _client_jars()])
    java = get_gateway().jvm.org.apache.flink.streaming.api.environment
    # get_execution_environment would start a cluster of its own inside this process and not look at the target.
    environment = StreamExecutionEnvironment(java.StreamExecutionEnvironment(configuration._j_configuration))
    environment.set_parallelism(settings.parallelism)
    ScoreJob(settings, start, environment, stages).build()
    announce(settings, start)
    log.info("run %s starts in %s mode, backlog %s", start.run, "event_time" if start.event_time else "arrival", start.backlog)
    return str(environment.execute_async("weir-score").get_job_id())


def _client_jars() -> list[pathlib.Path]:
    """The jars that the client needs to build the graph: the cluster has them on its own class path."""
    folder = pathlib.Path(os.environ["FLINK_LIB_DIR"])
    return [jar for jar in sorted(folder.glob("*.jar")) if jar.name.startswith(("weir-", "flink-sql-connector-kafka"))]


@click.command()
@click.option("--restore", type=click.Path(exists=True, path_type=pathlib.Path), help="Checkpoint or savepoint to start from.")
@click.option("--mode", type=click.Choice(["auto", "arrival", "event_time"]), default="auto", show_default=True)
def main(restore: pathlib.Path | None, mode: str) -> None:
    """Submits the score job and prints its id."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        click.echo(submit(read_settings(), restore, mode))
    except Refusal as refusal:
        click.echo(str(refusal), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
