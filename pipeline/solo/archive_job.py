"""The archive job of a solo system gathers records as that on Flink does, in a thread beside the other side jobs, and writes the files.

A file is named for the position at which it begins. What was written and not yet noted as written is written again after a kill, under the
same name.
"""

import logging
import time

from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of
from pipeline.flink.dict_state import DictState
from pipeline.log.log_consumer import LogConsumer
from pipeline.sinks.archive_access import archive_of
from pipeline.sinks.archive_stage import Keep
from pipeline.solo.placed_records import placed_bundle
from pipeline.wire.bundle import write_bundle
from pipeline.wire.declaration import Kind, Tag
from pipeline.wire.frames import read_frames

log = logging.getLogger(__name__)

TOPICS = ("events", "labels", "decisions")
BATCH_MAX = 2_000
REPEATS_WINDOW = 1
"""The output log holds each decision once, so that the least window is enough."""
WAIT_SECONDS_MIN = 0.5
WAIT_SECONDS_MAX = 10.0


class SoloArchiveJob:
    """Archives until it is told to stop.

    Args:
        settings: of the system.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._archive = archive_of(settings)
        self._interval_seconds = settings.archive_interval_ms / 1000
        self._topics = [settings.topic(topic) for topic in TOPICS]
        self._consumer = LogConsumer({**connection_of(settings), "group.id": "archive"})
        self._keep = Keep(DictState(), REPEATS_WINDOW, settings.topic_prefix)
        self._stopping = False

    def run(self) -> None:
        """Returns once `stop` was called; what is not in a file by then is gathered anew at the next start."""
        self._consumer.subscribe(self._topics)
        begun = self._positions()
        written_at = time.monotonic()
        while not self._stopping:
            messages = self._consumer.consume(BATCH_MAX, 0.2)
            frames = self._keep.process(placed_bundle(messages)) if messages else b""
            is_due = time.monotonic() - written_at >= self._interval_seconds
            if frames or (is_due and self._positions() != begun):
                frames += self._keep.process(write_bundle(Kind.BARRIER, [b""]))
                if not self._write(frames, begun):
                    break
                self._consumer.commit(asynchronous=False)
                begun, written_at = self._positions(), time.monotonic()
        self._consumer.close()

    def stop(self) -> None:
        """Ends `run` after its current batch."""
        self._stopping = True

    def _positions(self) -> list[int]:
        return [place.offset for place in self._consumer.position(self._consumer.assignment())]

    def _write(self, frames: bytes, begun: list[int]) -> bool:
        """Writes all files; tries again after growing waits, and gives False if it was told to stop before all were written."""
        name = "-".join(f"{position:012d}" for position in begun)
        for number, (tag, folder, file) in enumerate(read_frames(frames)):
            wait_seconds = WAIT_SECONDS_MIN
            while tag == Tag.FILE:
                try:
                    self._write_file(folder, f"solo-{name}-{number:03d}.parquet", file)
                    break
                except OSError as error:
                    log.warning("the archive takes nothing, and it is tried again in %.1f s: %s", wait_seconds, error)
                    if self._stopping:
                        return False
                    time.sleep(wait_seconds)
                    wait_seconds = min(2 * wait_seconds, WAIT_SECONDS_MAX)
        return True

    def _write_file(self, folder: str, name: str, file: bytes) -> None:
        """Writes one file, which has its name once it is whole; hidden files are passed over by readers."""
        whole, hidden = f"{self._archive.root}/{folder}/{name}", f"{self._archive.root}/{folder}/.{name}"
        self._archive.files.create_dir(f"{self._archive.root}/{folder}", recursive=True)
        with self._archive.files.open_output_stream(hidden) as out:
            out.write(file)
        self._archive.files.move(hidden, whole)
