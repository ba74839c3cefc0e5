"""The score job turns events into decisions. Its graph is fixed; what it computes travels on the control topic.

Java gathers and parks, and Python decides (see ARCHITECTURE.md). Every operator has an id of its own, so that its state finds its
place again when the job is restored at another parallelism or by another version.
"""

import logging
import pathlib
import sys
from typing import Any

import click
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.data_stream import DataStream

from foundation.refusal import Refusal
from foundation.settings import Settings, read_settings
from pipeline.control.job_program import write_log
from pipeline.control.kafka_access import connection_of
from pipeline.engine.definitions.keeping import kept_ms
from pipeline.flink.flink_graph import BYTES, Graph, job_configuration, remote_environment
from pipeline.flink.flink_stages import Later, TimedStage, UnkeyedStage
from pipeline.flink.jobs import SCORE, flink_name
from pipeline.score_job.flink_start import GROUP, Start, announce, look
from pipeline.wire.declaration import Source, Tag

log = logging.getLogger(__name__)

TOPICS = {
    Tag.DECISION: "decisions",
    Tag.REPLY: "replies",
    Tag.DEAD_LETTER: "dead-letters",
    Tag.LATE: "late",
    Tag.ALERT: "alerts",
    Tag.CONTROL: "control",
}
CONTROL_SOURCES = {Source.CONTROL: "control", Source.MODEL: "models"}
"""The topics that every stage reads, by the kind of their records."""
STAGES = ("pipeline.score_job.decode:make_stage", "pipeline.score_job.entity:make_stage", "pipeline.score_job.user:make_stage")


class ScoreJob:
    """Builds the graph on one environment of Flink.

    Args:
        settings: the settings of the system.
        start: what the submission found in Kafka.
        environment: the environment of Flink.
        stages: the factories of the decode, the entity and the user stage.
    """

    def __init__(self, settings: Settings, start: Start, environment: StreamExecutionEnvironment, stages: tuple[str, ...]) -> None:
        self._settings = settings
        self._start = start
        self._stages = stages
        self._graph = graph = Graph(settings, environment, GROUP)
        self._job_start = graph.weir.JobStart(
            start.run, start.event_time, start.control_end, start.models_end, graph.ends(CONTROL_SOURCES), graph.offsets(start.backlog),
            settings.bundle_events_max, settings.bundle_bytes_max, settings.entity_wait_ms,
        )  # fmt: skip

    def build(self) -> None:
        """Adds the whole graph to the environment."""
        graph, weir, schema = self._graph, self._graph.weir, self._start.release.schema
        backlog = graph.offsets(self._start.backlog)
        bounds = (self._settings.disorder_ms, schema.max_ahead_ms, backlog, self._start.drift_ms)
        times = weir.EventWatermarks(schema.time_field, schema.time_unit, *bounds)
        events = graph.source("events", Source.EVENT, times, self._settings.parallelism)
        control = self._control()
        told = self._told()

        raw = weir.Wiring.bundle(events, control, weir.DecodeBundler(self._job_start), BYTES.get_java_type_info(), None, "decode-bundler")
        decoded = graph.unbundled(DataStream(raw).process(UnkeyedStage(self._stages[0]), BYTES), "decode")
        messages = decoded.getSideOutput(weir.Unbundle.MESSAGES).union(graph.array(self._told_of(told, schema.user, users=False)))
        answered = self._keyed_stage("entity", messages, control, weir.EntityBundler(self._job_start), self._stages[1])
        answers = answered.getSideOutput(weir.Unbundle.ANSWERS)
        users = self._told_of(told, schema.user, users=True)
        arrivals = decoded.getSideOutput(weir.Unbundle.EVENTS).union(graph.array(answers, users))
        entries = Later("pipeline.control.entry_feed:make_feed", (connection_of(self._settings), self._settings.topic("entries")))
        decided = self._keyed_stage("user", arrivals, control, weir.UserBundler(self._job_start), self._stages[2], entries)

        graph.kafka_sink(decided, "decisions-sink", TOPICS, self._settings.linger_ms)
        graph.kafka_sink(decided.getSideOutput(weir.Unbundle.REPLIES), "replies-sink", TOPICS)
        # The entity stage sends only refused labels and facts this way.
        refused = decoded.union(
            graph.array(decoded.getSideOutput(weir.Unbundle.REPLIES), raw.getSideOutput(weir.DecodeBundler.MARKS), answered)
        )
        graph.kafka_sink(refused, "refusals-sink", TOPICS)

    def _control(self) -> Any:
        graph = self._graph
        nothing = graph.weir.SideWatermarks(graph.offsets({}))
        sources = [graph.source(topic, what, nothing, 1) for what, topic in CONTROL_SOURCES.items()]
        return sources[0].union(graph.array(*sources[1:])).broadcast()

    def _told(self) -> Any:
        """Reads labels and facts, which go keyed to the stages and hold nothing back once all that were there at the start are read."""
        graph, weir = self._graph, self._graph.weir
        labels = graph.source("labels-resolved", Source.LABEL, weir.SideWatermarks(graph.offsets(self._start.labels_ends)), 1)
        facts = graph.source("facts", Source.FACT, weir.SideWatermarks(graph.offsets(self._start.facts_ends)), 1)
        return labels.union(graph.array(facts))

    def _told_of(self, told: Any, user_kind: str, users: bool) -> Any:
        name, weir = "user-labels" if users else "entity-labels", self._graph.weir
        routed = told.flatMap(weir.LabelRoute(user_kind, users)).returns(weir.Rows.TYPE)
        return routed.uid(name).name(name).setParallelism(1)

    def _keyed_stage(self, name: str, records: Any, control: Any, bundler: Any, stage: str, *more: Any) -> Any:
        graph = self._graph
        keyed = records.keyBy(graph.selector, graph.weir.Rows.KEY)
        bundles = graph.weir.Wiring.bundle(keyed, control, bundler, graph.weir.Rows.BUNDLE, graph.selector, f"{name}-bundler")
        ttl_ms = kept_ms(self._start.release)
        function = TimedStage(stage, name, ttl_ms, ttl_ms, self._settings.profiles_bytes_max, *more)
        return graph.unbundled(graph.keyed(bundles).process(function, BYTES), name)


def submit(settings: Settings, checkpoint: pathlib.Path | None = None, mode: str = "auto", stages: tuple[str, ...] = STAGES) -> str:
    """Submits the job to the cluster of `settings` and returns its id.

    Args:
        checkpoint: the checkpoint that it starts from; ``None`` means an empty state and the beginning of the topics.
        mode: ``auto`` (event_time when behind), ``arrival`` or ``event_time``.
        stages: the factories of the three stages.

    Raises:
        Refusal: no release is on the control topic.
    """
    start = look(settings, mode)
    configuration = job_configuration(settings, SCORE, settings.checkpoint_interval_ms, checkpoint)
    environment = remote_environment(configuration, settings.parallelism)
    ScoreJob(settings, start, environment, stages).build()
    announce(settings, start)
    log.info("run %s starts in %s mode, backlog %s", start.run, "event_time" if start.event_time else "arrival", start.backlog)
    return str(environment.execute_async(flink_name(SCORE)).get_job_id())


@click.command()
@click.option("--restore", type=click.Path(exists=True, path_type=pathlib.Path), help="Checkpoint or savepoint to start from.")
@click.option("--mode", type=click.Choice(["auto", "arrival", "event_time"]), default="auto", show_default=True)
def main(restore: pathlib.Path | None, mode: str) -> None:
    """Submits the score job and prints its id."""
    write_log()
    try:
        click.echo(submit(read_settings(), restore, mode))
    except Refusal as refusal:
        click.echo(str(refusal), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
