"""The archive job: events, decisions and labels as Parquet files by day, each there once its checkpoint is complete."""

from pipeline.deliver_graph import delivered
from pipeline.flink_graph import Graph
from pipeline.settings import Settings
from pipeline.stages.keep import TOPICS

NAME = "archive"
STAGE = "pipeline.stages.keep:make_stage"


def build(graph: Graph, settings: Settings) -> None:
    """Adds the graph; the root of the archive may be on any file system that Flink knows."""
    files = delivered(graph, settings, TOPICS, STAGE, NAME, settings.topic_prefix)
    sink = graph.weir.FileImages.sink(settings.archive_place(), ".parquet")
    files.sinkTo(sink).uid("archive-sink").name("archive-sink")
