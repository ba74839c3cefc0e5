"""Takes the records of the input through the stages, in the order of the log, kind by kind."""

import math
import time
from collections.abc import Sequence
from itertools import groupby

from pipeline.log.frame import Entry, LogRecord
from pipeline.solo.entry_feed import LogEntryFeed
from pipeline.solo.stages import CONTROL_TOPICS, TOLD_TOPICS, Outcome, Stages

SETTLE_SECONDS = 1.0
"""After so long without an event the newest one says what event time it is."""


class Decider:
    """Decides records that stand in the input.

    Args:
        stages: decide.
        lists: gives them the entries of lists, up to each event.
        disorder_ms: how far behind the newest event time events may still come.

    Attributes:
        decided: how many events were decided.
    """

    def __init__(self, stages: Stages, lists: LogEntryFeed, disorder_ms: int) -> None:
        self.decided = 0
        self._stages = stages
        self._lists = lists
        self._disorder_ms = disorder_ms
        self._came_at = math.inf
        """When the newest events came; infinity where nothing waits for what has not come."""

    def outcome_of(self, records: Sequence[LogRecord]) -> Outcome:
        """Decides records, which follow those of the call before."""
        whole = Outcome([], [])
        for kind, run in groupby(records, key=_kind_of):
            part = list(run)
            if kind == "control":
                self._stages.control(part)
            elif kind:
                self._lists.until = part[0].ordinal
                outcome = self._events(part) if kind == "events" else self._stages.told(kind, part)
                whole.entries.extend(outcome.entries)
                whole.replies.extend(outcome.replies)
        return whole

    def settled(self) -> list[Entry]:
        """Returns the absences that come true because no event has come for a while: none that is older than the newest is on its way."""
        if time.monotonic() - self._came_at < SETTLE_SECONDS:
            return []
        self._came_at = math.inf
        return self._absences(0)

    def _events(self, events: Sequence[LogRecord]) -> Outcome:
        outcome = self._stages.events(events)
        outcome.entries.extend(self._absences(self._disorder_ms))
        self._came_at = time.monotonic()
        self.decided += len(events)
        return outcome

    def _absences(self, behind_ms: int) -> list[Entry]:
        """Returns the absences that come true where event time is so far behind the newest event."""
        newest_ms = self._stages.newest_ms
        return [] if newest_ms is None else self._stages.pass_time(newest_ms - behind_ms).entries


def _kind_of(record: LogRecord) -> str:
    """How a record is taken in; '' when it is not."""
    if record.topic in CONTROL_TOPICS:
        return "control"
    return record.topic if record.topic == "events" or record.topic in TOLD_TOPICS else ""
