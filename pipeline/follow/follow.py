"""A recorded run is decided again as it was: in the recorded order, each event by the release and the snapshots of its own decision."""

import bisect
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import cast

from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.control.known_releases import DEFINITION
from pipeline.control.progress import Progress
from pipeline.follow.comparison import Comparison, Followed
from pipeline.follow.entries_so_far import EntriesSoFar
from pipeline.follow.recorded_run import RecordedRun
from pipeline.follow.recorded_stamps import Name, Recorded, RecordedStamps, Stamp
from pipeline.learning.label_record import LabelRecord
from pipeline.learning.label_resolver import LabelResolver
from pipeline.learning.resolved_records import Sent
from pipeline.score_job.decode import DecodeStage
from pipeline.trial.one_process import OneProcess
from pipeline.wire.bodies import write_control_record, write_raw_record
from pipeline.wire.bundle import write_bundle
from pipeline.wire.declaration import Kind, Tag, Topic
from stores.archive.archive_rows import ArchivedRecord
from stores.decisions import Decisions, EventName, StoredDecision

StampedRecord = tuple[ArchivedRecord, Stamp]

EVENTS_AT_ONCE = 256
ENTRIES = "entries"
Told = Kind | str
"""What is told between events: labels, facts, or `ENTRIES`."""


class Follow:
    """Decides the events of `run` again, by the stages of the live system in one process.

    What depends on the user alone comes out as it was. What further entities answer depends on the order in which their events came from
    several partitions; this is recorded as well as the broker's times tell it. A label and an entry of a list count from when they came to
    their topics.

    Raises:
        Refusal: no recorded decision names a release that was recorded.
    """

    def __init__(self, run: RecordedRun, settings: Settings) -> None:
        self._comparison = Comparison(run.decisions)
        self._stamps = RecordedStamps(run.control, run.models, self._comparison.recorded)
        self._events = _filled([(record, self._stamps.of(record)) for record in run.events], self._stamps)
        self._told = in_order_of_arrival_of_topics([(Kind.LABELS, run.labels), (Kind.FACTS, run.facts), (ENTRIES, run.entries)])
        self._told_at_ms = [record.at_ms for _, record in self._told]
        self._told_done = 0
        self._entries = EntriesSoFar()
        self._stages = OneProcess(entries=self._entries)
        self._decoders: dict[int, DecodeStage] = {}
        self._known_until = 0
        self._installed: set[Name] = set()
        self._now_ms = 0
        self._made = DecisionsSoFar()
        store = cast(Decisions, self._made)  # labels are resolved by `get_many` alone
        self._labels = LabelResolver(store, self._stages.user.definitions, settings.label_wait_ms, lambda: self._now_ms)

    def run(self, progress: Progress = lambda done, total: None) -> Followed:
        """Decides all events, and compares."""
        self._stages.control([(Topic.CONTROL, DEFINITION + hash, text.encode()) for hash, text in self._stamps.texts()])
        last_needed = {name: place for place, (_, stamp) in enumerate(self._events) for name in stamp.named}
        done = 0
        for (release, degraded, told), rows in self._batches():
            self._know_release(release)
            self._tell_until(told)
            self._install({name for _, stamp in rows for name in stamp.named} - self._installed)
            bodies = [write_raw_record(record.value, record.partition, record.offset, record.at_ms) for record, _ in rows]
            frames = self._stages.stamp_bodies(self._decoders[release], bodies, [stamp.moment for _, stamp in rows])
            self._stages.arrive(frames, lose_answers=degraded)
            self._compare()
            done += len(rows)
            self._let_go({name for name in self._installed if last_needed[name] < done})
            progress(done, len(self._events))
        return self._comparison.result(sorted(self._stamps.unknown))

    def _batches(self) -> Iterator[tuple[tuple[int, bool, int], list[StampedRecord]]]:
        """Gives events that follow each other and have one release, in parts that no label, fact or entry came between."""

        def alike(row: StampedRecord) -> tuple[int, bool, int]:
            return row[1].release, row[1].degraded, bisect.bisect_right(self._told_at_ms, row[0].at_ms)

        for kind, rows in groupby(self._events, key=alike):
            part = list(rows)
            yield from ((kind, part[first : first + EVENTS_AT_ONCE]) for first in range(0, len(part), EVENTS_AT_ONCE))

    def _know_release(self, release: int) -> None:
        """Tells the later stages of all releases up to this one, and makes a decode stage that knows no other."""
        records = {id: (key, value) for id, key, value in self._stamps.release_records(release)}
        fresh = [(Topic.CONTROL, *records[id]) for id in records if id > self._known_until]
        if fresh:
            self._stages.control(fresh)
            self._known_until = release
        if release not in self._decoders:
            self._decoders[release] = stage = DecodeStage()
            named = [(DEFINITION + hash, text.encode()) for hash, text in self._stamps.texts_of(release)]
            bodies = [write_control_record(Topic.CONTROL, key.encode(), value) for key, value in [*named, records[release]]]
            stage.process(write_bundle(Kind.CONTROL, bodies))

    def _install(self, names: set[Name]) -> None:
        for name in names:
            position, records = self._stamps.snapshot_records(name)
            self._stages.control([(Topic.MODEL, key, value) for key, value in records], [position] * len(records))
            self._installed.add(name)

    def _let_go(self, names: set[Name]) -> None:
        for name in names:
            _, records = self._stamps.snapshot_records(name)
            self._stages.control([(Topic.MODEL, key, None) for key, _ in records])
            self._installed.discard(name)

    def _tell_until(self, count: int) -> None:
        for what, record in self._told[self._told_done : count]:
            self._now_ms = max(self._now_ms, record.at_ms)
            if what == ENTRIES:
                self._entries.add([(record.key, record.value or None, record.offset)])
            elif what == Kind.FACTS:
                self._tell(Kind.FACTS, record.key, record.value)
            else:
                place = f"labels/{record.partition}"
                self._send(self._labels.take([LabelRecord(place, record.offset, record.at_ms, record.value)]))
        self._told_done = max(self._told_done, count)
        if self._labels.waiting:
            self._send(self._labels.retry())

    def _send(self, sent: list[Sent]) -> None:
        for each in sent:
            if each.topic == "labels-resolved":
                self._tell(Kind.LABELS, each.key, each.value)

    def _tell(self, what: Kind, key: bytes, value: bytes) -> None:
        newest = self._stages.user.definitions.newest
        if newest is not None:
            self._stages.tell(what, key, value, newest.schema.user)

    def _compare(self) -> None:
        for _, value in self._stages.out.pop(Tag.DECISION, []):
            self._made.add(self._comparison.take(value), value, self._user_kind)
        self._stages.out.clear()

    @property
    def _user_kind(self) -> str:
        newest = self._stages.user.definitions.newest
        return newest.schema.user if newest is not None else ""


class DecisionsSoFar:
    """The decisions that were made again, as the job that resolves labels finds them in the store."""

    def __init__(self) -> None:
        self._of_event: dict[str, dict[str, StoredDecision]] = {}

    def add(self, decision: Recorded, value: bytes, user_kind: str) -> None:
        """Adds a decision; that of the highest revision counts."""
        keys = ((user_kind, decision.user), *((kind, id) for kind, id in decision.entities.items() if id))
        gone = "retracted" in decision.flags
        name = (decision.event_id, decision.revision, decision.event_time, b"", keys, None, "", decision.release, value, gone)
        self._of_event.setdefault(decision.event_id, {})[decision.user] = StoredDecision(*name)

    def get_many(self, names: Sequence[EventName]) -> dict[EventName, list[StoredDecision]]:
        """See `stores.decisions.Decisions`."""
        found = {name: self._of_event.get(name.event_id, {}) for name in names}
        chosen = {name: [each for user, each in sorted(of.items()) if name.user in (None, user)] for name, of in found.items()}
        return {name: decisions for name, decisions in chosen.items() if decisions}


def _filled(events: list[tuple[ArchivedRecord, Stamp | None]], stamps: RecordedStamps) -> list[StampedRecord]:
    """Gives each event that no decision tells of the stamp of the one before it, or of the first one."""
    known = [stamp for _, stamp in events if stamp is not None and stamps.has_release(stamp.release)]
    if not known:
        raise Refusal("nothing to follow", where="--follow", expected="decisions on these events, and their releases", got="none")
    last, filled = known[0]._replace(named=(), degraded=False), []
    for record, stamp in events:
        if stamp is not None and stamps.has_release(stamp.release):
            last = stamp._replace(named=(), degraded=False)
            filled.append((record, stamp))
        else:
            filled.append((record, last))
    return filled


def in_order_of_arrival_of_topics(topics: Iterable[tuple[Told, list[ArchivedRecord]]]) -> list[tuple[Told, ArchivedRecord]]:
    """Puts the records of several topics in the order of their times; those of one topic stay in order."""
    return sorted(((kind, record) for kind, records in topics for record in records), key=lambda each: each[1].at_ms)
