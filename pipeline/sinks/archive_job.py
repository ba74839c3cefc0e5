"""The archive job writes the records of topics as Parquet files by day; a file appears once its checkpoint is complete."""

from foundation.settings import Settings
from pipeline.flink.flink_graph import Graph
from pipeline.sinks.archive_stage import TOPICS
from pipeline.sinks.deliver_graph import delivered

NAME = "archive"
STAGE = "pipeline.sinks.archive_stage:make_stage"


def build(graph: Graph, settings: Settings) -> None:
    """Adds the job to `graph`; the root of the archive may be on any file system that Flink knows."""
    files = delivered(graph, settings, TOPICS, STAGE, NAME, settings.topic_prefix)
    sink = graph.weir.FileImages.sink(settings.archive_place(), ".parquet")
    files.sinkTo(sink).uid("archive-sink").name("archive-sink")
