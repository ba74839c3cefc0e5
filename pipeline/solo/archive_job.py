"""The archive job of a solo system gathers records as that on Flink does, in a thread beside the other side jobs, and writes the files.

Files are written under hidden names first. A note then says which files belong to the archive, and up to which record they reach; what it
says is done before anything else, also after a kill. So each record is in the archive once: either the note was written, or its records are
gathered anew. The first file of a start is written at once, so that a job which is killed again and again gets ahead. `Archive.read` gives
a record once in any case, but counts and other readers of the files do not.
"""

import contextlib
import functools
import logging
import math
import time
from collections.abc import Callable

import msgspec
import pyarrow.fs
from confluent_kafka import KafkaException, TopicPartition

from foundation.settings import Settings
from pipeline.control.kafka_access import connection_of, wait_seconds_of, wake
from pipeline.flink.dict_state import DictState
from pipeline.log.log_consumer import LogConsumer
from pipeline.log.log_folder import INPUT, LOGS, LOGS_OF, TAKEN_IN
from pipeline.sinks.archive_access import archive_of
from pipeline.sinks.archive_stage import Keep
from pipeline.solo.placed_records import placed
from pipeline.wire.declaration import Tag
from pipeline.wire.frames import read_frames
from stores.archive.archive_rows import CHANGES, LOGGED, STREAMS

log = logging.getLogger(__name__)

TOPICS = (*STREAMS, *CHANGES, *LOGGED)
LOGS_READ = {**LOGS_OF, **dict.fromkeys(TAKEN_IN, (INPUT,))}
"""What the engine takes in of another log is archived as it stands in its own, where its place says what it came before."""
BATCH_MAX = 2_000
REPEATS_WINDOW = 1
"""The output log holds each decision once, so that the least window is enough."""
WAIT_SECONDS_MIN = 0.5
WAIT_SECONDS_MAX = 10.0
NOTE = ("cursors", "archive.note")
"""This file below the folder of the logs holds a `_Note` from when its files are written until they belong to the archive."""


class _Note(msgspec.Struct):
    """Names files below the archive's root that belong to it from now on, and the positions behind their records: topic, log, ordinal."""

    files: list[tuple[str, str]]
    positions: list[tuple[str, int, int]]


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
        self._consumer = LogConsumer({**connection_of(settings), "group.id": "archive"}, LOGS_READ)
        self._keep = Keep(DictState(), REPEATS_WINDOW, settings.topic_prefix)
        self._note = settings.path(*LOGS, *NOTE)
        self._stopping = False

    def run(self) -> None:
        """Returns once `stop` was called; what is not in a file by then is gathered anew at the next start."""
        if not (self._until_done(self._do_noted) and self._until_done(self._archive.note_one_log)):
            return
        self._consumer.subscribe(self._topics)
        begun = self._positions()
        written_at = -math.inf
        while not self._stopping:
            messages = self._consumer.consume(BATCH_MAX, wait_seconds_of(self._consumer))
            frames = self._keep.take(placed(messages)) if messages else b""
            is_due = time.monotonic() - written_at >= self._interval_seconds
            if frames or (is_due and self._positions() != begun):
                frames += self._keep.checkpoint()
                if not self._write(frames, begun):
                    break
                begun, written_at = self._positions(), time.monotonic()
        self._consumer.close()

    def stop(self) -> None:
        """Ends `run` after its current batch."""
        self._stopping = True
        wake(self._consumer)

    def _positions(self) -> list[int]:
        return [place.offset for place in self._consumer.position(self._consumer.assignment())]

    def _write(self, frames: bytes, begun: list[int]) -> bool:
        """Brings all files into the archive; gives False if it was told to stop before."""
        name = "-".join(f"{position:012d}" for position in begun)
        files: list[tuple[str, str]] = []
        for number, (tag, folder, file) in enumerate(read_frames(frames)):
            if tag == Tag.FILE:
                files.append((folder, f"solo-{name}-{number:03d}.parquet"))
                if not self._until_done(functools.partial(self._write_hidden, *files[-1], file)):
                    return False
        places = self._consumer.position(self._consumer.assignment())
        note = _Note(files, [(place.topic, place.partition, place.offset) for place in places])
        return self._until_done(lambda: self._write_note(note)) and self._until_done(self._do_noted)

    def _until_done(self, step: Callable[[], None]) -> bool:
        """Does `step`, again after growing waits while the archive or the disk takes nothing; gives False if it was told to stop before."""
        wait_seconds = WAIT_SECONDS_MIN
        while True:
            try:
                step()
            except (OSError, KafkaException) as error:
                log.warning("the archive takes nothing, and it is tried again in %.1f s: %s", wait_seconds, error)
                if self._stopping:
                    return False
                time.sleep(wait_seconds)
                wait_seconds = min(2 * wait_seconds, WAIT_SECONDS_MAX)
            else:
                return True

    def _write_hidden(self, folder: str, name: str, file: bytes) -> None:
        """Writes a file under a name that readers pass over."""
        self._archive.files.create_dir(f"{self._archive.root}/{folder}", recursive=True)
        with self._archive.files.open_output_stream(self._hidden(folder, name)) as out:
            out.write(file)

    def _write_note(self, note: _Note) -> None:
        """Writes the note, which is there as a whole or not at all."""
        self._note.parent.mkdir(parents=True, exist_ok=True)
        written = self._note.with_suffix(".new")
        written.write_bytes(msgspec.json.encode(note))
        written.rename(self._note)

    def _do_noted(self) -> None:
        """Does what the note says, if there is one; what of it was done already is passed over."""
        with contextlib.suppress(FileNotFoundError):
            note = msgspec.json.decode(self._note.read_bytes(), type=_Note)
            for folder, name in note.files:
                if self._archive.files.get_file_info(self._hidden(folder, name)).type == pyarrow.fs.FileType.File:
                    self._archive.files.move(self._hidden(folder, name), f"{self._archive.root}/{folder}/{name}")
            self._consumer.commit([TopicPartition(*position) for position in note.positions], asynchronous=False)
            self._note.unlink()

    def _hidden(self, folder: str, name: str) -> str:
        return f"{self._archive.root}/{folder}/.{name}"
