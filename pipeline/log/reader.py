"""Reads records of some topics of a log in their order, from any ordinal on, while the log grows."""

from collections.abc import Collection

from pipeline.log.frame import LogRecord
from pipeline.log.segments import Segments

FRAMES_AT_ONCE = 64


class LogReader:
    """Reads from `segments`, which other readers of this process may share.

    Args:
        topics: short names.
        start: ordinal from which on records are given, inclusive.
    """

    def __init__(self, segments: Segments, topics: Collection[str], start: int = 0) -> None:
        self.position = start
        self.segments = segments
        self.topics = frozenset(topics)
        self._held: list[LogRecord] = []

    def read(self, records_max: int) -> list[LogRecord]:
        """The next records that are there, at most `records_max`; none when the end is reached. It does not wait.

        Raises:
            Refusal: a file is damaged.
        """
        if not self._held:
            self._held = self._next()
        found, self._held = self._held[:records_max], self._held[records_max:]
        if found:
            self.position = found[-1].ordinal + 1
        return found

    def seek(self, ordinal: int) -> None:
        """Reads from `ordinal` on, inclusive."""
        self.position = ordinal
        self._held = []

    def refresh(self) -> None:
        """Takes in what another process has appended; see `Segments.refresh`."""
        self.segments.refresh()

    @property
    def is_behind(self) -> bool:
        """Whether records of the topics are known that were not read yet."""
        return bool(self._held) or any(self.segments.last(topic) >= self.position for topic in self.topics)

    def _next(self) -> list[LogRecord]:
        with self.segments.lock:
            segments = [segment for segment in self.segments.all if segment.end > self.position]
            chosen = [(segment, segment.places(self.topics, self.position, FRAMES_AT_ONCE)) for segment in segments]
        for segment, places in chosen:
            records = (record for place in places for record in segment.records(place.position))
            found = [record for record in records if record.ordinal >= self.position]
            if found:
                return found
        return []
