"""The three stages of the score job in one thread, with Python in the place of Flink and Java: records of the log in, records out."""

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pipeline.control.definitions import key_text
from pipeline.control.snapshots_to_come import SnapshotsToCome
from pipeline.engine.profile_store import BYTES_MAX
from pipeline.flink.state import BulkState, ProfileRows
from pipeline.log.frame import Entry, LogRecord
from pipeline.score_job.decode import DecodeStage
from pipeline.score_job.entity import EntityStage
from pipeline.score_job.handed_on import Answered, Frame
from pipeline.score_job.stamped import Stamped
from pipeline.score_job.user import EntryFeed, UserStage
from pipeline.wire.bodies import RawRecord, write_control_record, write_keyed_body
from pipeline.wire.bundle import read_bundle, write_bundle
from pipeline.wire.declaration import ANY_SNAPSHOTS, ENTITY_SEPARATOR, NO_TIME_MS, REPLY_HEADER, Kind, Tag, Topic

TOPICS = {Tag.DECISION: "decisions", Tag.DEAD_LETTER: "dead-letters", Tag.LATE: "late", Tag.ALERT: "alerts"}
CONTROL_TOPICS = {"control": Topic.CONTROL, "models": Topic.MODEL}
"""The topics that every stage takes in, by their letters."""
TOLD_TOPICS = {"labels-resolved": Kind.LABELS, "facts": Kind.FACTS}
"""The topics that tell of entities beside their events, by the kinds of their bundles."""


class Outcome(NamedTuple):
    """What the stages give for some records: records of topics, and replies by the name of who waits."""

    entries: list[Entry]
    replies: list[tuple[str, bytes]]

    def add(self, outputs: Sequence[Frame | Answered]) -> None:
        """Adds what came from a stage for topics and callers; answers of entities stay between the stages."""
        for output in outputs:
            if isinstance(output, Answered):
                continue
            tag, key, payload = output
            if tag == Tag.REPLY:
                self.replies.append((key, payload))
            else:
                self.entries.append(Entry(TOPICS[tag], key.encode(), payload))


class Stages:
    """One of each stage. Events are decided in their order, whatever the batches are.

    Args:
        entity_state, user_state: the states of the two stages that have profiles.
        kept_ms: how long the state keeps a profile that is not written; 0: for ever.
        profiles_bytes_max: see `Scorer`.
        clock: seconds since the epoch; gives `processed_at` and nothing else.
        entries: gives the entries of lists.
    """

    def __init__(
        self,
        entity_state: BulkState | ProfileRows,
        user_state: BulkState | ProfileRows,
        kept_ms: int = 0,
        profiles_bytes_max: int = BYTES_MAX,
        clock: Callable[[], float] = time.time,
        entries: EntryFeed | None = None,
    ) -> None:
        self.decode = DecodeStage()
        self._to_come = SnapshotsToCome(self.decode.models_of_river)
        self._snapshots = 0
        """The ordinal after the last record of snapshots, which says what set of them events are scored by."""
        self._newest_ms: int | None = None
        self._entity = EntityStage(entity_state, kept_ms, profiles_bytes_max)
        self._user = UserStage(user_state, clock, kept_ms, profiles_bytes_max, entries)
        for stage in (self.decode, self._entity, self._user):
            stage.definitions.compile_beside(
                defer=False
            )  # what is in force follows from the log; the API has compiled it before it is there

    def are_ready(self, records: Sequence[LogRecord]) -> bool:
        """Tells whether the models of all snapshots in records that were asked about are there; those in `records` are rebuilt from now on.

        Ask before records are appended, since the log says from where on they count: `control` would let decisions wait.
        """
        for record in records:
            if record.topic == "models":
                with contextlib.suppress(ValueError):  # `control` says what is wrong with it
                    self._to_come.take(key_text(record.key), record.value, record.ordinal)
        return self._to_come.are_there

    def control(self, records: Sequence[LogRecord]) -> None:
        """Takes in records of `CONTROL_TOPICS`."""
        bodies = [write_control_record(CONTROL_TOPICS[record.topic], record.key, record.value) for record in records]
        positions = [record.ordinal + 1 if record.topic == "models" else ANY_SNAPSHOTS for record in records]
        self._snapshots = max(self._snapshots, *positions)
        bundle = write_bundle(Kind.CONTROL, bodies, positions=positions)
        for stage in (self.decode, self._entity, self._user):
            stage.process(bundle)

    def told(self, topic: str, records: Sequence[LogRecord]) -> Outcome:
        """Takes in records of one of `TOLD_TOPICS`, which tell of entities; what cannot be read becomes a dead letter."""
        release = self.decode.definitions.newest
        kind = release.schema.user.encode() if release is not None else b""
        bodies: dict[bool, list[bytes]] = {True: [], False: []}
        for record in records:
            is_users = record.key.partition(ENTITY_SEPARATOR.encode())[0] == kind
            bodies[is_users].append(write_keyed_body(record.key, record.value or b""))
        outcome = Outcome([], [])
        for is_users, stage in ((False, self._entity), (True, self._user)):
            if bodies[is_users]:
                outcome.add(stage.take(read_bundle(write_bundle(TOLD_TOPICS[topic], bodies[is_users]))))
        return outcome

    def events(self, records: Sequence[LogRecord]) -> Outcome:
        """Decides events, or says why not."""
        outcome = Outcome([], [])
        for output in self.decode.take([(_raw_record(record), self._snapshots) for record in records]):
            if isinstance(output, Stamped):
                newest_ms = int(output.batch.times_ms.max())
                self._newest_ms = newest_ms if self._newest_ms is None else max(newest_ms, self._newest_ms)
                answered = [each for messages in output.messages() for each in self._entity.take(messages)]
                outcome.add(answered)
                outcome.add(self._user.take(output.events([each for each in answered if isinstance(each, Answered)])))
            else:
                outcome.add([output])
        return outcome

    @property
    def newest_ms(self) -> int | None:
        """The newest event time of all events that were decided since the start; None before the first."""
        return self._newest_ms

    def pass_time(self, now_ms: int) -> Outcome:
        """Lets absences come true, because event time has come to `now_ms`."""
        outcome = Outcome([], [])
        for stage in (self._entity, self._user):
            outcome.add(stage.pass_time(now_ms))
        return outcome

    def checkpoint(self) -> None:
        """Makes the stages write what their states do not have yet."""
        for stage in (self._entity, self._user):
            stage.process(write_bundle(Kind.BARRIER, [b""]))


def _raw_record(record: LogRecord) -> RawRecord:
    return 0, record.ordinal, record.at_ms, NO_TIME_MS, _reply_of(record).decode(errors="replace"), record.value or b""


def _reply_of(record: LogRecord) -> bytes:
    for name, value in record.headers:
        if name == REPLY_HEADER:
            return value
    return b""
