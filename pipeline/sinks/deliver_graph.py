"""The Flink graph of a job that delivers: records of some topics pass, in micro-batches of one partition each, through one Python stage."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from foundation.settings import Settings
from pipeline.flink.flink_graph import BYTES, Graph, job_configuration, remote_environment
from pipeline.flink.flink_stages import KeyedStage
from pipeline.flink.jobs import flink_name
from pipeline.wire.declaration import Source

FOR_EVER = 0


def delivered(graph: Graph, settings: Settings, topics: Sequence[Sequence[str]], stage: str, name: str, *arguments: object) -> Any:
    """Adds to `graph` the sources of `topics` and the stage `name`, and returns the stream of what the stage emits.

    The sources start from the committed offsets.

    Args:
        topics: short names of the topics of each source; at least one source, and at least one topic each.
        stage: the factory of the stage, as ``module:function``.
        name: of the stage; saved state is found again by it.
        arguments: given to the factory after the state and the number of decisions that are remembered.
    """
    nothing = graph.java.org.apache.flink.api.common.eventtime.WatermarkStrategy.noWatermarks()
    first, *others = [graph.source(some, Source.ANY_TOPIC, nothing, 1, delivering=True) for some in topics]
    records = first.union(graph.array(*others)) if others else first
    keyed = records.keyBy(graph.selector, graph.weir.Rows.KEY)
    bundler = graph.weir.RecordBundler(settings.bundle_events_max, settings.bundle_bytes_max)
    bundles = keyed.transform(f"{name}-bundler", graph.weir.Rows.BUNDLE, bundler).uid(f"{name}-bundler")
    return graph.unbundled(
        graph.keyed(bundles).process(KeyedStage(stage, name, FOR_EVER, settings.repeats_window, *arguments), BYTES), name
    )


def submit(
    settings: Settings, name: str, checkpoint_interval_ms: int, checkpoint: pathlib.Path | None, build: Callable[[Graph, Settings], None]
) -> str:
    """Submits the job `name` to the cluster of `settings` and gives its id.

    Args:
        checkpoint_interval_ms: time between two checkpoints.
        checkpoint: the checkpoint that the job starts from; with ``None`` it starts from the offsets that its consumer group has committed,
            and without these from the beginning of the topics.
        build: adds the job's sources, stages and sinks to the graph.
    """
    environment = remote_environment(job_configuration(settings, name, checkpoint_interval_ms, checkpoint), parallelism=1)
    build(Graph(settings, environment, flink_name(name)), settings)
    return str(environment.execute_async(flink_name(name)).get_job_id())
