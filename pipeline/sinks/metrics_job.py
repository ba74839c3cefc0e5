"""The metrics job rolls decisions up by minute and dimensions into the topic of event metrics, exactly once."""

from foundation.settings import Settings
from pipeline.flink.flink_graph import Graph
from pipeline.sinks.deliver_graph import delivered
from pipeline.wire.declaration import Tag

NAME = "metrics"
STAGE = "pipeline.sinks.roll_up:make_stage"


def build(graph: Graph, settings: Settings, stage: str = STAGE) -> None:
    """Adds the job to `graph`; consumers that read only committed records see its rows once their checkpoint is complete."""
    rows = delivered(graph, settings, [["decisions"]], stage, NAME)
    graph.kafka_sink(rows, "metrics-sink", {Tag.METRIC: "metrics"}, settings.linger_ms, transactions=settings.topic(NAME))
