"""The metrics job of a solo system counts decisions as that on Flink does, in a thread beside the other side jobs.

It appends the rows that it has counted and the position behind the decisions that they count in one batch, so that each counts once.
The first rows of a start are appended at once, so that a job which is killed again and again gets ahead.
"""

import logging
import math
import time

from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of, wait_seconds_of, wake
from pipeline.flink.dict_state import DictState
from pipeline.log.frame import Entry
from pipeline.log.log_consumer import LogConsumer
from pipeline.log.log_folder import LOGS, SIDE, segments_of, writer_of
from pipeline.log.log_message import LogMessage
from pipeline.log.reader import LogReader
from pipeline.sinks.roll_up import RollUp
from pipeline.solo.placed_records import placed
from pipeline.wire.declaration import Tag
from pipeline.wire.frames import read_frames

log = logging.getLogger(__name__)

BATCH_MAX = 2_000
REPEATS_WINDOW = 1
"""The output log holds each decision once, so that the least window is enough."""
POSITION = b"decisions"


class SoloMetricsJob:
    """Counts until it is told to stop.

    Args:
        settings: of the system.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.path(*LOGS)
        self._topic = settings.topic("decisions")
        self._interval_seconds = settings.metrics_interval_ms / 1000
        self._consumer = LogConsumer({**connection_of(settings), "group.id": "metrics"})
        self._roll_up = RollUp(DictState(), REPEATS_WINDOW)
        self._stopping = False

    def run(self) -> None:
        """Returns once `stop` was called; what was not published by then is counted anew at the next start."""
        [place] = self._consumer.places(self._topic)
        place.offset = done = self._published()
        self._consumer.assign([place])
        published_at = -math.inf
        while not self._stopping:
            due_seconds = published_at + self._interval_seconds - time.monotonic() if place.offset > done else math.inf
            messages = self._consumer.consume(BATCH_MAX, max(0.0, min(due_seconds, wait_seconds_of(self._consumer))))
            if messages:
                self._take(messages)
            [place] = self._consumer.position([place])
            if place.offset > done and time.monotonic() - published_at >= self._interval_seconds:
                self._publish(place.offset)
                done, published_at = place.offset, time.monotonic()
        self._consumer.close()

    def stop(self) -> None:
        """Ends `run` after its current batch."""
        self._stopping = True
        wake(self._consumer)

    def _take(self, messages: list[LogMessage]) -> None:
        self._append(self._roll_up.take(placed(messages)), messages[-1].offset() + 1)

    def _publish(self, position: int) -> None:
        self._append(self._roll_up.checkpoint(), position)

    def _append(self, frames: bytes, position: int) -> None:
        entries = [Entry("metrics", key.encode(), value) for tag, key, value in read_frames(frames) if tag == Tag.METRIC]
        if entries:
            writer_of(self._folder, SIDE).append([*entries, Entry("roll-up", POSITION, str(position).encode())])

    def _published(self) -> int:
        """The ordinal behind the last decision that published rows count."""
        segments = segments_of(self._folder, SIDE)
        last = LogReader(segments, ["roll-up"], max(0, segments.last("roll-up"))).read(1)
        return int(last[0].value or b"0") if last else 0
