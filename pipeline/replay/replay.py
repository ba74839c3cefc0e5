"""Replay scores recorded events with the engine of the live system, without Java; each event is scored before it is learned from."""

import bisect
import pathlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.snapshot import Snapshot
from features.layout.layout import CORRECTED, DUPLICATE, ID_REUSED, LONG_AGO, RETRACTED, TOO_LATE, UNKNOWN
from features.schema.batch import Batch
from patterns.absences import Absence
from patterns.entries import Change
from patterns.hold_out import known_shares
from patterns.policy import ACTIONS
from pipeline.control.progress import Progress
from pipeline.engine.decisions.verdicts import REVISED, UNDECIDED, Verdicts, hold_outs
from pipeline.engine.definitions.release import Release
from pipeline.engine.event_keys import SEVERAL_EVENTS, Labels, first_rows, rows_of_labels
from pipeline.engine.fact_record import FactRecord
from pipeline.engine.learners.fitted_trees import LabelledRows
from pipeline.engine.learners.label_learner import LabelLearner
from pipeline.engine.learners.learner import Learners, advance, welcome
from pipeline.engine.learners.lessons import Lessons
from pipeline.engine.learners.retrained_learner import RetrainedLearner
from pipeline.engine.learners.threshold_learner import ThresholdLearner
from pipeline.engine.learners.two_numbers import served_of
from pipeline.engine.scorer import Scorer
from pipeline.engine.steps.installed_snapshots import InstalledSnapshots
from pipeline.engine.steps.step import Step
from pipeline.engine.steps.step_list import steps_with
from pipeline.engine.steps.threshold_lessons import LessonBook
from pipeline.learning.fit_trees import fit_trees
from pipeline.replay import absences_file
from pipeline.replay.absences_file import write_absences
from pipeline.replay.decisions_file import DecisionsFile
from pipeline.replay.lesson_cuts import LessonCuts
from pipeline.replay.rule_counts import RuleCounts, RuleOutcome
from pipeline.replay.spooled_events import SpooledHistory
from pipeline.tables.event_files import History

BATCH_MAX = 4_096
NO_LABEL = -1

_NO_SCORE_OF_THEIR_OWN = {
    DUPLICATE: "duplicate",
    TOO_LATE: "too late",
    ID_REUSED: "id reused",
    UNKNOWN: "unknown",
    CORRECTED: "corrected",
    RETRACTED: "retracted",
}


@dataclass(slots=True)
class Outcome:
    """The result of a replay.

    Args:
        events: number of events that the engine got.
        actions: number of events whose first decision had each action.
        unscored: number of events, by reason, that got no decision of their own or revised an earlier one.
        snapshots: number of snapshots published, of all models together.
        scores: scores of the first decisions, under ``score`` and ``model.<name>``.
        marks: the label that stands of each of these events, 0 for none.
        places: where each of them stands in the history.
        rules: what each rule of the release did.
        absences: number of absences at the ends of sequences that came true; None where no rule waits for one.
        ambiguous: number of labels that are ignored, because they name no primary entity and several have an event with their id.
    """

    events: int
    actions: dict[str, int]
    unscored: dict[str, int]
    snapshots: int
    scores: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    marks: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))
    places: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    rules: list[RuleOutcome] = field(default_factory=list)
    absences: int | None = None
    ambiguous: int = 0


class Replay:
    """Runs once over a history.

    Snapshots are published at multiples of the shortest `publish_every`, in event time. Batches end there, so that their size does not
    change any decision.

    Args:
        release: the definitions to score by.
        history: events in the order of scoring, in memory or on the disk.
        labels: each label is used from its label time on; ``None`` for no labels.
        frozen: snapshots to score with; if there are any, no model learns.
        facts: of entities, in the order of the times from which on they hold.
        entries: of lists, which are on them from the first event on.
        steps: those of a decision.
    """

    def __init__(
        self,
        release: Release,
        history: History | SpooledHistory,
        labels: Labels | None,
        frozen: tuple[Snapshot, ...] = (),
        facts: Sequence[FactRecord] = (),
        entries: Sequence[Change] = (),
        steps: Callable[[InstalledSnapshots], Sequence[Step]] = steps_with,
    ) -> None:
        self.release = release
        self._events = history.recorded()
        self.labels = labels
        self.scorer = Scorer(steps=steps)
        self.learners = Learners(release, fit_trees)
        self.published: dict[str, Snapshot] = {}
        self.absences: list[Absence] = []
        self._newest_ms = LONG_AGO
        self._frozen = frozen
        self._kept: list[tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]] = []
        self._rule_counts = RuleCounts(release.rules)
        self._labels_done = 0
        self._facts = facts
        self._facts_done = 0
        self._label_rows = np.empty(0, np.int64) if labels is None else rows_of_labels(self._events, labels)
        self._standings = np.empty(0, np.int64) if labels is None else labels.standings
        self._first_rows = first_rows(self._events)  # each stands for its event
        self._lessons = LessonBook(release, 0 if labels is None else len(self._events))
        self._cuts = self._cuts_of(labels)
        self._scored = 0
        self.scorer.lists.take(entries)
        for snapshot in frozen:
            self.scorer.install(snapshot, release)

    def run(self, out: pathlib.Path | None, progress: Progress = lambda done, total: None) -> Outcome:
        """Scores the history, and writes ``decisions.parquet`` into the folder `out` unless that is None.

        Where rules wait for absences it writes those that came true into ``alerts.parquet``: event time is then that of the newest event.
        """
        outcome = Outcome(len(self._events), dict.fromkeys(ACTIONS, 0), {}, 0)
        file = None
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            file = DecisionsFile(out / "decisions.parquet", self.release)
        try:
            done = 0
            for batch in self._batches(outcome):
                verdicts = self._score(batch)
                if file is not None:
                    file.write(verdicts, batch)
                self._count(verdicts, batch, outcome)
                done += len(batch)
                progress(done, outcome.events)
        finally:
            if file is not None:
                file.__exit__(None, None, None)
        self._collect(outcome)
        if self.release.rules.waiting:
            outcome.absences = len(self.absences)
            if out is not None:
                write_absences(out / absences_file.NAME, self.absences, self.release.id)
        return outcome

    def scored(self) -> Iterator[tuple[Verdicts, Batch]]:
        """Gives each batch with its verdicts as it is scored, for callers that need more of them than `run` keeps."""
        return ((self._score(batch), batch) for batch in self._batches(Outcome(len(self._events), {}, {}, 0)))

    def _batches(self, outcome: Outcome) -> Iterator[Batch]:
        """Gives the batches in order, split where snapshots are published, and publishes the snapshots between them."""
        every_ms = self.learners.publish_every_ms()
        times_ms = np.maximum.accumulate(self._events.times_ms)
        total = len(times_ms)
        start = 0
        while start < total:
            period = int(times_ms[start]) // every_ms
            end = int(np.searchsorted(times_ms, (period + 1) * every_ms, side="left"))
            if not self._frozen:
                outcome.snapshots += self._publish(period, period * every_ms)
            while start < end:
                first, start = start, self._cuts.end_of(start, min(start + BATCH_MAX, end))
                yield self._events.take(np.arange(first, start))

    def _cuts_of(self, labels: Labels | None) -> LessonCuts:
        """Returns the ends of batches that labels ask for; only those of thresholds that learn of labels do."""
        if labels is None or not self._lessons.is_kept:
            none = np.zeros(0, np.int64)
            return LessonCuts(none, none, none)
        return LessonCuts(np.maximum.accumulate(self._events.times_ms), self._label_rows, labels.times_ms)

    def _publish(self, sequence: int, time_ms: int) -> int:
        self._tell(time_ms)
        published = 0
        for snapshot in self.learners.snapshots(sequence, time_ms):
            self.scorer.install(snapshot, self.release)
            self.published[snapshot.model] = snapshot
            published += 1
        return published

    def _score(self, batch: Batch) -> Verdicts:
        self._tell(int(batch.times_ms.max()))
        self._tell_facts(int(batch.times_ms.max()))
        verdicts = self.scorer.score(self.release, batch)
        events = self._first_rows[self._scored : self._scored + len(batch)]
        self._scored += len(batch)
        if self.labels is not None:
            self._lessons.write(events, verdicts)
        self._pass_time(batch)
        fresh = ~verdicts.are(UNDECIDED | REVISED)  # an event is learned only once
        if not self._frozen and self.learners.each:
            for each in self.learners.each:
                taught = fresh & welcome(each, verdicts.actions)
                each.see(batch.id_keys[taught], events[taught], batch.times_ms[taught], each.inputs_of(verdicts)[taught])
                if isinstance(each, LabelLearner):
                    each.weigh(events[fresh], known_shares(verdicts.actions, hold_outs(verdicts))[fresh])
                if each.usual is not None:
                    each.usual.see(batch.id_keys[fresh], each.inputs_of(verdicts)[fresh])
                if not isinstance(each, ThresholdLearner) and each.numbers is not None:
                    each.numbers.see(served_of(verdicts, each.model, batch, events, fresh))
        return verdicts

    def _pass_time(self, batch: Batch) -> None:
        """Lets absences come true: all events of the history up to the newest one of the batch have been scored."""
        if self.release.rules.waiting:
            self._newest_ms = max(self._newest_ms, int(batch.times_ms.max()))
            self.scorer.pass_time(self.release, self._newest_ms)
            self.absences += self.scorer.take_absences()

    def _tell(self, until_ms: int) -> None:
        """Passes on the labels with times up to `until_ms`, inclusive; a profile shows an event only labels known at its time."""
        if self.labels is None:
            return
        first, end = self._labels_done, int(np.searchsorted(self.labels.times_ms, until_ms, side="right"))
        self._labels_done = max(first, end)
        if end <= first:
            return
        known = first + np.flatnonzero(self._label_rows[first:end] >= 0)
        rows, labels, times_ms = self._label_rows[known], self.labels.labels[known], self.labels.times_ms[known]
        if not self._frozen:
            self.learners.tell(Lessons(rows, labels, times_ms, self._standings[known], self.labels.weights[known]))
        self._label_profiles(rows, labels, times_ms, self.labels.ranks[known])

    def _tell_facts(self, until_ms: int) -> None:
        """Passes on the facts that hold from times up to `until_ms` on; a profile shows an event only those that hold at its time."""
        first = self._facts_done
        self._facts_done = bisect.bisect_right(self._facts, until_ms, first, key=lambda fact: fact.since)
        if self._facts_done > first:
            self.scorer.tell(self.release, self._facts[first : self._facts_done])

    def _label_profiles(
        self, rows: NDArray[np.int64], labels: NDArray[np.int8], times_ms: NDArray[np.int64], ranks: NDArray[np.int8]
    ) -> None:
        events = self._events.take(rows)
        for kind in self.release.features.kinds:
            keys = self.release.features.key(kind, events)
            has = np.fromiter(map(bool, keys), np.bool_, len(keys))
            own = np.flatnonzero(has)
            users = list(map(events.users.__getitem__, own.tolist()))
            named = (events.times_ms[own], events.id_keys[own], users)
            lessons = self._lessons.of(rows[own])
            self.scorer.label(self.release, kind, list(filter(None, keys)), *named, labels[has], times_ms[has], ranks[has], lessons)

    def _count(self, verdicts: Verdicts, batch: Batch, outcome: Outcome) -> None:
        fresh = ~verdicts.are(UNDECIDED | REVISED)
        for code, count in enumerate(np.bincount(verdicts.actions[fresh], minlength=len(ACTIONS)).tolist()):
            outcome.actions[ACTIONS[code]] += count
        if not fresh.all():
            for reason, concerned in without_own_decision(verdicts):
                outcome.unscored[reason] = outcome.unscored.get(reason, 0) + int(concerned.sum())
        scores = {"score": verdicts.scores[fresh]}
        scores.update((f"model.{name}", raw[fresh]) for name, raw in verdicts.models.items())
        self._rule_counts.add(self._scored - len(batch), verdicts.matches)
        self._kept.append((self._scored - len(batch) + np.flatnonzero(fresh), scores))

    def _collect(self, outcome: Outcome) -> None:
        outcome.ambiguous = int((self._label_rows == SEVERAL_EVENTS).sum())
        outcome.rules = self._rule_counts.outcomes(self._marks_of)
        if self._kept:
            outcome.places = np.concatenate([rows for rows, _ in self._kept])
            outcome.marks = self._marks_of(outcome.places)
            outcome.scores = {name: np.concatenate([scores[name] for _, scores in self._kept]) for name in self._kept[0][1]}

    def fitted_at_the_end(self) -> list[tuple[Snapshot, LabelledRows]]:
        """Fits the boosted trees that have enough labels once more, after `run`, to all of the history, and says to which rows.

        The number of such a snapshot is its time in seconds.
        """
        end_ms = int(self._events.times_ms.max())
        if self.labels is not None and len(self.labels.times_ms):
            end_ms = max(end_ms, int(self.labels.times_ms.max()))
        self._tell(end_ms)
        trees = [each for each in self.learners.each if isinstance(each, RetrainedLearner)]
        for each in trees:
            advance(each, end_ms)
        made = [(each.fit(end_ms // 1_000, end_ms), each.learner.rows()) for each in trees]
        return [(snapshot, rows) for snapshot, rows in made if snapshot is not None]

    @property
    def labels_without_event(self) -> int:
        """Returns how many labels are of no event, or name no user where several have an event with their id."""
        return int((self._label_rows < 0).sum())

    def marks(self) -> NDArray[np.int8]:
        """Returns [events] the label that stands of each event, 1 or 0; -1 where there is none."""
        marks = np.full(len(self._events), NO_LABEL, np.int8)
        if self.labels is not None:
            known = np.flatnonzero(self._label_rows >= 0)
            known = known[np.argsort(self._standings[known], kind="stable")]  # of those of one event the last one written stays
            marks[self._label_rows[known]] = self.labels.labels[known]
        return marks[self._first_rows]

    def _marks_of(self, rows: NDArray[np.int64]) -> NDArray[np.int8]:
        return np.maximum(self.marks()[rows], 0)


def without_own_decision(verdicts: Verdicts) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yields each reason for which an event has no first decision of its own, with [n] the events that it concerns."""
    repeated = verdicts.are(DUPLICATE)  # which says of itself what its newest decision was
    for flag, reason in _NO_SCORE_OF_THEIR_OWN.items():
        yield reason, repeated if flag == DUPLICATE else verdicts.are(flag) & ~repeated
