"""A backtest replays events once, decides each twice, by the rules in force and with a candidate, and counts where the two differ."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from features.schema.batch import Batch
from features.schema.schema import Schema
from foundation.number_arrays import Float64s, Int64s
from foundation.refusal import Refusal
from patterns.entries import Change
from patterns.matches import Bools
from pipeline.backtest.day_counts import DayCounts
from pipeline.backtest.figures import Figures, Span
from pipeline.backtest.flip_counts import DecisionCounts, FlipCounts
from pipeline.backtest.known_kinds import KnownKinds
from pipeline.backtest.not_simulated import not_simulated
from pipeline.backtest.rule_counts import RuleCounts, matched_by
from pipeline.backtest.second_decision import SecondDecision
from pipeline.backtest.seen_events import SeenEvents, users_of
from pipeline.backtest.side_by_side import ABSENT, SideBySide
from pipeline.control.progress import Progress
from pipeline.engine.decisions.verdicts import REVISED, UNDECIDED, Verdicts
from pipeline.engine.event_keys import Labels
from pipeline.engine.fact_record import FactRecord
from pipeline.replay.replay import Replay, without_own_decision
from pipeline.replay.spooled_events import SpooledHistory
from pipeline.tables.event_files import History


class Wanted(NamedTuple):
    """Says which events count, and what is summed.

    Args:
        from_ms, to_ms: events with times in [from_ms, to_ms) count; earlier ones only warm up. None for no bound.
        value_of: a numeric field of events; '' for none.
    """

    from_ms: int | None = None
    to_ms: int | None = None
    value_of: str = ""


EVERYTHING = Wanted()


class Backtest:
    """Runs once over a history.

    Args:
        both: the rules in force, and those of the candidate.
        history: events in the order of scoring.
        labels: None for no labels.
        wanted: which events count.
        facts, entries: see `Replay`.
    """

    def __init__(
        self,
        both: SideBySide,
        history: History | SpooledHistory,
        labels: Labels | None,
        wanted: Wanted = EVERYTHING,
        facts: Sequence[FactRecord] = (),
        entries: Sequence[Change] = (),
    ) -> None:
        self._both = both
        self._refused = history.refused
        self._events = history.recorded()
        self._wanted = wanted
        self._value_column = value_column(both.release.schema, wanted.value_of)
        self._replay = Replay(both.release, history, labels, facts=facts, entries=entries, steps=SecondDecision(both).steps)
        marks = self._replay.marks()
        without = self._replay.labels_without_event + (labels.unknown if labels is not None else 0)
        self._known = KnownKinds(marks, self._events.times_ms, both.release.schema.negative_after_ms, without)
        self._rules, self._flips, self._days = RuleCounts(both), FlipCounts(both), DayCounts()
        self._before, self._after = DecisionCounts(), DecisionCounts()
        self._candidates = np.array([at for at in both.changed if both.after[at] != ABSENT], np.int64)
        self._unscored: dict[str, int] = {}
        self._counted = self._warm_up = 0
        self._first_ms: int | None = None
        self._last_ms: int | None = None
        self._given = bool(entries), bool(facts)

    def run(self, progress: Progress = lambda done, total: None) -> Figures:
        """Replays the history to its end; there are no figures before it."""
        done = 0
        for verdicts, batch in self._replay.scored():
            self._take(self._seen(verdicts, verdicts.others[SecondDecision.name], batch, done))
            done += len(batch)
            progress(done, len(self._events))
        return self._figures()

    def _seen(self, before: Verdicts, after: Verdicts, batch: Batch, first: int) -> SeenEvents:
        inside = np.ones(len(batch), np.bool_)
        if self._wanted.from_ms is not None:
            inside &= batch.times_ms >= self._wanted.from_ms
        if self._wanted.to_ms is not None:
            inside &= batch.times_ms < self._wanted.to_ms
        counted = inside & ~before.are(UNDECIDED | REVISED)
        self._known.count(first, counted)
        self._warm_up += int((~inside).sum())
        self._count_unscored(before, inside)
        kinds = self._known.kinds[first : first + len(batch)]
        return SeenEvents(batch, before, after, counted, kinds, self._values(batch), users_of(batch))

    def _values(self, batch: Batch) -> Float64s:
        if self._value_column is None:
            return np.full(len(batch), np.nan)
        values: Float64s = batch.numbers[:, self._value_column] / self._both.release.schema.scales[self._value_column]
        return values

    def _count_unscored(self, verdicts: Verdicts, inside: Bools) -> None:
        for reason, concerned in without_own_decision(verdicts):
            count = int((concerned & inside).sum())
            if count:
                self._unscored[reason] = self._unscored.get(reason, 0) + count

    def _take(self, seen: SeenEvents) -> None:
        times_ms: Int64s = seen.batch.times_ms[seen.counted]
        if len(times_ms):
            self._counted += len(times_ms)
            first, last = int(times_ms.min()), int(times_ms.max())
            self._first_ms = first if self._first_ms is None else min(first, self._first_ms)
            self._last_ms = last if self._last_ms is None else max(last, self._last_ms)
        matched = matched_by(seen, self._candidates)
        self._rules.add(seen)
        self._flips.add(seen, matched)
        self._days.add(seen, matched)
        self._before.add(seen.before.actions, seen)
        self._after.add(seen.after.actions, seen)

    def _figures(self) -> Figures:
        both, coverage = self._both, self._known.coverage()
        refused = self._refused
        changed = {at: both.pattern(at).id for at in both.changed}
        return Figures(
            release=both.release.id,
            candidate={changed[at]: both.rules.rules[at].standing.hash for at in self._candidates.tolist()},
            without=sorted(set(changed.values()) - {changed[at] for at in self._candidates.tolist()}),
            span=Span(self._wanted.from_ms, self._wanted.to_ms, self._first_ms, self._last_ms, self._counted, self._warm_up),
            unscored=self._unscored,
            refused=len(refused),
            refused_for=[line.removeprefix("refused").strip() for line in refused.summary()],
            labels=coverage,
            before=self._before.decided(),
            after=self._after.decided(),
            flips=self._flips.flips(),
            counterexamples=self._flips.counterexamples(),
            people=self._flips.people(),
            rules=self._rules.figures(self._counted, coverage.fraud),
            days=self._days.days(),
            value_of=self._wanted.value_of,
            not_simulated=not_simulated(both, *self._given, self._warm_up),
            remarks=list(self._remarks()),
        )

    def _remarks(self) -> Iterator[str]:
        if not self._counted:
            yield "No event counts: the span of time has none."
        for at in self._candidates.tolist():
            pattern = self._both.pattern(at)
            begin, end = pattern.effective.from_ms, pattern.effective.to_ms
            first, last = self._first_ms or 0, self._last_ms or 0
            if (begin is not None and begin > first) or (end is not None and end <= last):
                yield f"{pattern.id} says in `effective` at which event times it matches; others of these events it does not match."


def value_column(schema: Schema, field: str) -> int | None:
    """Returns the place of the numeric `field` among an event's numbers; None for ''.

    Raises:
        Refusal: events have no such number.
    """
    if not field:
        return None
    name = field.removeprefix("event.")
    if name not in schema.columns:
        expected = "one of " + (", ".join(schema.columns) or "the schema's numbers: it has none")
        raise Refusal("not a number of the event", where="value", expected=expected, got=field)
    return schema.columns.index(name)


def usual_value(schema: Schema) -> str:
    """Returns the field to sum where nobody names one: the only decimal of the schema; '' where there is none, or there are several."""
    decimals = [field.name for field in schema.fields if field.type == "decimal"]
    return decimals[0] if len(decimals) == 1 else ""
