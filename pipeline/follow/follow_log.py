"""The log of a solo system is decided again from its archive, as its engine did: each record in its place."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from foundation.refusal import Refusal
from pipeline.control.progress import Progress
from pipeline.flink.dict_state import DictState
from pipeline.follow.comparison import Comparison, Followed
from pipeline.follow.entries_so_far import EntriesSoFar
from pipeline.follow.recorded_log import RecordedLog
from pipeline.log.frame import LogRecord
from pipeline.solo.stages import CONTROL_TOPICS, Stages

RECORDS_AT_ONCE = 1_000


class FollowLog:
    """Decides the records of a log again. Everything comes out as it was, since all of it stands in one order.

    Args:
        recorded: the log from its beginning, or from where all that its decisions look back to lies behind.

    Raises:
        Refusal: no definitions were recorded.
    """

    def __init__(self, recorded: RecordedLog) -> None:
        if not any(record.topic == "control" for record in recorded.records):
            raise Refusal("nothing to follow", where="--follow", expected="definitions that were archived with the events", got="none")
        self._records = recorded.records
        self._comparison = Comparison(recorded.decisions)
        self._entries = EntriesSoFar()
        self._stages = Stages(DictState(), DictState(), clock=lambda: 0.0, entries=self._entries)

    def run(self, progress: Progress = lambda done, total: None) -> Followed:
        """Decides all events, and compares."""
        done, total = 0, sum(record.topic == "events" for record in self._records)
        for topic, part in _parts(self._records):
            self._take(topic, part)
            if topic == "events":
                done += len(part)
                progress(done, total)
        return self._comparison.result([])

    def _take(self, topic: str, part: Sequence[LogRecord]) -> None:
        if topic in CONTROL_TOPICS:
            self._stages.control(part)
        elif topic == "entries":
            self._entries.add((record.key, record.value, record.ordinal) for record in part)
        else:
            outcome = self._stages.events(part) if topic == "events" else self._stages.told(topic, part)
            for entry in outcome.entries:
                if entry.topic == "decisions":
                    self._comparison.take(entry.value or b"")


def _parts(records: Sequence[LogRecord]) -> Iterator[tuple[str, list[LogRecord]]]:
    """Gives records that follow each other and are of one topic, with that topic."""
    for topic, group in groupby(records, key=lambda record: record.topic):
        run = list(group)
        yield from ((topic, run[first : first + RECORDS_AT_ONCE]) for first in range(0, len(run), RECORDS_AT_ONCE))
