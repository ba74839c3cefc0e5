"""A configuration and what comes to it, decided by replay and by a solo system whose process may end on the way. For tests only."""

import functools
import pathlib
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np

from detectors.snapshot import Snapshot
from features.definitions.entity_parser import KEY_JOINT, parts_of
from features.schema.batch import Batch
from features.schema.decode import Decoder
from features.schema.event import Event, id_key_of
from features.schema.schema import LAST_TIME_MS
from foundation.settings import Settings
from patterns.entries import Change
from pipeline.engine.decisions.absence_record import absence_record
from pipeline.engine.decisions.decision import decisions_of
from pipeline.engine.decisions.verdicts import UNDECIDED, Verdicts
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.engine.event_keys import Labels
from pipeline.engine.fact_record import FactRecord
from pipeline.log.frame import Entry
from pipeline.log.log_folder import LOGS, OUTPUT, segments_of
from pipeline.log.reader import LogReader
from pipeline.replay.replay import Replay
from pipeline.score_job.facts import fact_key
from pipeline.solo.engine import Engine
from pipeline.tables.event_files import History
from pipeline.trial.one_process import OneProcess

START_MS = 1_648_339_200_000
ARRIVED_MS = START_MS + 400 * 86_400_000
LABEL_MS = 3_600_000
Json = dict[str, object]


@dataclass
class Case:
    """A configuration, and what comes to it.

    Args:
        values: bodies of events, in the order of their arrival.
        labels: which of them have one, by their places; it counts an hour after its event.
    """

    texts: Mapping[str, str]
    values: Sequence[bytes]
    labels: Sequence[int] = ()
    lesson: Sequence[bytes] = ()
    facts: Sequence[FactRecord] = ()
    entries: Sequence[Change] = ()
    release: Release = field(init=False)
    events: list[Event] = field(init=False)

    def __post_init__(self) -> None:
        self.release = compile_release(1, dict(self.texts))
        self.events = self.decoded(self.values)

    def decoded(self, values: Sequence[bytes]) -> list[Event]:
        decoder = Decoder(self.release.schema)
        return [decoder.decode(value, ARRIVED_MS) for value in values]

    def history(self, events: Sequence[Event]) -> History:
        return History(Batch.of(list(events), self.release.schema))

    def labels_of(self, places: Sequence[int], events: Sequence[Event]) -> Labels:
        chosen = sorted((events[place] for place in places), key=lambda event: event.time_ms)
        ids, times = np.array([each.id_key for each in chosen], np.int64), np.array([each.time_ms + LABEL_MS for each in chosen], np.int64)
        return Labels(ids, np.array([each.time_ms // 7 % 2 for each in chosen], np.int8), times, [each.user for each in chosen])

    @functools.cached_property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """What the models have learned from the lesson, of which every third event is labelled."""
        if not self.lesson:
            return ()
        lesson = self.decoded(self.lesson)
        learned = Replay(self.release, self.history(lesson), self.labels_of(range(0, len(lesson), 3), lesson))
        learned.run(None)
        return tuple(learned.published.values())


def replayed(case: Case) -> list[Json]:
    """The decisions of replay."""
    return replayed_with_absences(case).decisions


class Outcome(NamedTuple):
    """All that was decided, and by id the absences that came true."""

    decisions: list[Json]
    absences: dict[str, Json]


def replayed_with_absences(case: Case, to_the_end: bool = False) -> Outcome:
    """What replay says of a case; `to_the_end`: after the last event time goes on until whatever waits for an absence has come true."""
    replay = replay_of(case)
    found: list[Json] = []
    for verdicts, batch in replay.scored():
        decided = (~verdicts.are(UNDECIDED)).tolist()
        found += [each for each, counts in zip(as_decisions(verdicts, batch), decided, strict=True) if counts]
    if to_the_end:
        replay.scorer.pass_time(case.release, LAST_TIME_MS)
        replay.absences += replay.scorer.take_absences()
    return Outcome(found, {each.id: msgspec.json.decode(msgspec.json.encode(absence_record(each, 1))) for each in replay.absences})


def replay_of(case: Case) -> Replay:
    """A replay that has not begun."""
    labels = case.labels_of(case.labels, case.events) if case.labels else None
    facts = sorted(case.facts, key=lambda fact: fact.since)
    return Replay(case.release, case.history(case.events), labels, frozen=case.snapshots, facts=facts, entries=case.entries)


def as_decisions(verdicts: Verdicts, batch: Batch) -> list[Json]:
    """The decision on each event, as it leaves the system."""
    n = len(batch)
    made = decisions_of(verdicts, batch, np.zeros(n, np.uint8), np.zeros(n, np.int64), 0.0)
    return [as_json(msgspec.json.encode(each)) for each in made]


def served(case: Case, folder: pathlib.Path, sizes: Sequence[int], ends_after: int = 1 << 60, awaited: Collection[str] = ()) -> Outcome:
    """What a solo system says that takes in parts of these sizes in turn, once absences with the ids `awaited` have come true.

    After so many parts as `ends_after` says its process ends without a word, and is started again.
    """
    chosen = Settings(runtime="solo", folder=str(folder), log_fsync="os")
    log, at = log_of(case), 0
    engine = opened(chosen)
    for number in range(len(log)):
        size = sizes[number % len(sizes)]
        if at >= len(log):
            break
        put(engine, log[at : at + size])
        at += size
        if number == ends_after:
            engine._checkpoints.write_last = lambda save: None  # type: ignore[method-assign]
            engine.close()
            engine = opened(chosen)
    until(lambda: engine.ended or engine._checkpoints.positions.get("input", 0) >= engine._input.end)
    assert not engine.ended, engine.problem
    absences: dict[str, Json] = {}
    told = LogReader(segments_of(chosen.path(*LOGS), OUTPUT), ["alerts"])

    def come() -> bool:
        told.refresh()
        absences.update({str(each["id"]): each for each in map(msgspec.json.decode, values_in(told))})
        return set(awaited) <= set(absences)

    until(come)
    engine.close()
    assert not engine.problem
    decided = values_in(LogReader(segments_of(chosen.path(*LOGS), OUTPUT), ["decisions"]))
    return Outcome([as_json(value) for value in decided], absences)


def values_in(reader: LogReader) -> list[bytes]:
    """The values of all records that a reader has not given yet."""
    found: list[bytes] = []
    while part := reader.read(5_000):
        found += [record.value or b"" for record in part]
    return found


def opened(chosen: Settings) -> Engine:
    engine = Engine(chosen, lambda replies: None, clock=lambda: ARRIVED_MS / 1000)
    engine.open()
    engine.start()
    return engine


def put(engine: Engine, entries: Sequence[Entry]) -> None:
    ended = threading.Event()
    engine.put(entries, lambda end, problem: ended.set())
    until(lambda: ended.is_set() or engine.ended)
    assert not engine.ended, engine.problem


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def log_of(case: Case) -> list[Entry]:
    """The records, with each label before the first event that it counts for."""
    log = [Entry("control", key.encode(), value) for _, key, value in OneProcess.records_of(1, dict(case.texts))]
    log += [Entry("models", snapshot.model.encode(), snapshot.encode()) for snapshot in case.snapshots]
    for change in case.entries:
        key, value = change.record()
        log.append(Entry("entries", key.encode(), value))
    for fact in case.facts:
        log.append(Entry("facts", fact_key(fact.kind, fact.entity, fact.name), msgspec.json.encode(fact)))
    labels = sorted((case.events[place] for place in case.labels), key=lambda event: event.time_ms)
    for event, value in zip(case.events, case.values, strict=True):
        while labels and labels[0].time_ms + LABEL_MS <= event.time_ms:
            log += resolved(case, labels.pop(0))
        log.append(Entry("events", event.user.encode(), value))
    return log


def resolved(case: Case, event: Event) -> list[Entry]:
    """The records of an event's label, one for each entity, as the label job makes them."""
    schema = case.release.schema
    id_key = id_key_of(event.id, schema.id_type == "integer")
    label = {"event_id": event.id, "id_key": id_key, "event_time": event.time_ms, "user": event.user}
    value = msgspec.json.encode(label | {"label": event.time_ms // 7 % 2, "label_time": event.time_ms + LABEL_MS})
    ids = {schema.user: event.user} | dict(zip(schema.entities, event.entities, strict=True))
    kinds = [(kind, [ids[part] for part in parts_of(kind)]) for kind in (schema.user, *case.release.entity_kinds())]
    return [Entry("labels-resolved", f"{kind}\0{KEY_JOINT.join(names)}".encode(), value) for kind, names in kinds if all(names)]


def as_json(value: bytes) -> Json:
    decision = msgspec.json.decode(value)
    del decision["processed_at"], decision["latency_ms"]
    return decision
