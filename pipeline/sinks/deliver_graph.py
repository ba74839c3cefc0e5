"""The graph of a job that delivers: records of some topics, bundled by partition, through one Python stage."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from foundation.settings import Settings
from pipeline.flink.flink_graph import BYTES, Graph, job_configuration, remote_environment
from pipeline.flink.flink_stages import KeyedStage
from pipeline.flink.jobs import flink_name
from pipeline.wire.declaration import Source

FOR_EVER = 0


def delivered(graph: Graph, settings: Settings, topics: Sequence[str], stage: str, name: str, *arguments: object) -> Any:
    """What the stage `name`, made by the factory `stage`, gives of the records of `topics`, from what was committed on.

    `arguments` are those of the factory, behind the state and the window of repeats.
    """
    nothing = graph.java.org.apache.flink.api.common.eventtime.WatermarkStrategy.noWatermarks()
    first, *others = [graph.source(topic, Source.ANY_TOPIC, nothing, 1, delivering=True) for topic in topics]
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
        checkpoint: what it starts from; ``None``: the offsets that its group has committed, else the beginning of the topics.
        build: adds the graph.
    """
    environment = remote_environment(job_configuration(settings, name, checkpoint_interval_ms, checkpoint), parallelism=1)
    build(Graph(settings, environment, flink_name(name)), settings)
    return str(environment.execute_async(flink_name(name)).get_job_id())
