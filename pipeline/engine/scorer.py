"""The scoring engine: micro-batches of events in, verdicts out. Pure: no clock, no I/O.

The Flink stages, replay and the tests all call it, so that they all give the same answers. An answer depends only on the
order in which each key's events come and on the release and snapshots in force, never on how events are batched.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import Scoring
from detectors.snapshot import Snapshot, snapshot_key
from features.layout.layout import DUPLICATE, ID_REUSED, LATE, TOO_FAR_BACK, TOO_OFTEN, UNKNOWN, WARMING
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from features.schema.event import ADD
from patterns.absences import Absence
from patterns.known_entries import KnownEntries
from patterns.matches import EntityRules
from patterns.thresholds.threshold import SEEN, THRESHOLD
from pipeline.engine.decisions.answers import Answers, width_of
from pipeline.engine.decisions.revisions import turns
from pipeline.engine.decisions.snapshots_of_rows import SnapshotsOfRows
from pipeline.engine.decisions.verdicts import Verdicts, joined, nothing_said
from pipeline.engine.decisions.waves import waves
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release
from pipeline.engine.fact_record import FactRecord, tell
from pipeline.engine.profile_store import BYTES_MAX, ProfileSlabs, ProfileState, is_due
from pipeline.engine.steps.installed_snapshots import NEWEST, InstalledSnapshots
from pipeline.engine.steps.key_thresholds import look_at_keys
from pipeline.engine.steps.keyed_scores import score_keyed
from pipeline.engine.steps.step import Step, Turn
from pipeline.engine.steps.step_list import steps_with
from pipeline.engine.steps.threshold_lessons import ThresholdLessons, note_lessons
from pipeline.engine.waits import Waits

_MEASURED_EVENTS = 16
"""The memory that profiles take is looked at once in so many events: that costs a tenth of a decision."""
_SHARE_LET_GO = 32
"""Of the memory for profiles one part in so many is let go at once: more would hold events up, less would search too often."""
_NOT_NEW = DUPLICATE | ID_REUSED | UNKNOWN | TOO_FAR_BACK | TOO_OFTEN
"""Flags of events that are none of an entity's sequences: it had them before, or knows nothing of their place."""
_LACKING = WARMING | UNKNOWN | TOO_FAR_BACK | TOO_OFTEN
"""Flags of an entity's answer that lacks something."""


class Scorer:
    """Profiles, detectors and policy over micro-batches.

    Args:
        state: where profiles outlive the process; ``None``: they live and die with this object.
        profiles_bytes_max: memory that profiles of all kinds take, about, beside those of one batch: beyond it those used longest
            ago are read from the state when they are needed again. Without a state it has no meaning.
        steps: gives the steps of a decision; models score with the snapshots that it gets.
        rules_of: gives what rules of a release look at where the stage of a kind of entity is; by default what they say.

    Attributes:
        lists: the entries of lists that events are compared with; whoever owns the scorer gives it the entries.
    """

    def __init__(
        self,
        state: ProfileState | None = None,
        profiles_bytes_max: int = BYTES_MAX,
        steps: Callable[[InstalledSnapshots], Sequence[Step]] = steps_with,
        rules_of: Callable[[Release, str], EntityRules | None] = lambda release, kind: release.rules.of_entities.get(kind),
    ) -> None:
        self._state = state
        self._profiles_bytes_max = profiles_bytes_max
        self._slabs: dict[str, ProfileSlabs] = {}
        self._snapshots = InstalledSnapshots()
        self.lists = KnownEntries()
        self._steps = tuple(steps(self._snapshots))
        self._rules_of = rules_of
        self._waits = Waits(state)
        self._absences: list[Absence] = []
        self._unmeasured = 0
        """Events since the memory of profiles was looked at."""

    def install(self, snapshot: Snapshot, release: Release, since: int | None = None, scoring: Scoring | None = None) -> bool:
        """Scores with `snapshot` from now on; see `InstalledSnapshots`."""
        return self._snapshots.install(snapshot, release, since, scoring)

    def lacks(self, snapshot: Snapshot, release: Release) -> bool:
        """Tells whether `install` would have to make `snapshot` ready; see `InstalledSnapshots`."""
        return self._snapshots.lacks(snapshot, release)

    def retain(self, kept: Collection[tuple[str, int]]) -> None:
        """Drops all snapshots but those with these keys and numbers, see `Snapshot.key`."""
        self._snapshots.retain(kept)

    def observe(
        self,
        release: Release,
        kind: str,
        keys: list[str],
        batch: Batch,
        values: NDArray[np.float64],
        fields: Batch | None = None,
        snapshots: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Adds the events to the profiles of `keys`, entities of one kind, and gives the features of each event there, and the scores of
        the detectors that have a state for each such entity, its learned thresholds, and which sequences of rules it completes.

        An event that is there already is not added again, and has no score; of one that is corrected the features are those of the
        correction.

        Args:
            values: [n, columns of the kind's plan] see `features.definitions.row_values`.
            fields: the events with all that rules may read of them, where the release has rules of this kind; None: `batch` has it.
            snapshots: [n] the moment up to which snapshots count for each event; None where the newest count.

        Returns [n, `answers.width_of` the kind]; the last is 1 where the history does not reach back far enough, else 0.
        """
        plan = release.features.plans[kind]
        profiles, slots = self._open(release, kind, keys)
        out = np.empty((len(keys), plan.width))
        flags = profiles.observe(slots, batch, values, out).flags
        features = release.features.finish(kind, out, values, batch.times_ms)
        scores = [
            score_keyed(model, profiles, slots, model.own.take(values, features), flags, self._population(model, snapshots))
            for model in release.of_entities.get(kind, ())
            if model.own is not None
        ]
        facts = profiles.facts.read(slots, batch.times_ms)
        answers = np.empty((len(keys), width_of(release, kind)))
        told = 0
        for each in (features, *scores, facts) if facts.shape[1] else (features, *scores):
            answers[:, told : told + each.shape[1]] = each
            told += each.shape[1]
        rules = self._rules_of(release, kind)
        if rules is not None:
            fresh = (flags & _NOT_NEW == 0) & (batch.ops == ADD)
            events, at = batch if fields is None else fields, told
            known = self._look_at(rules, events, features, fresh, profiles, slots, snapshots)
            answers[:, at : at + known.shape[1]] = known
            learned, late = np.ascontiguousarray(known[:, THRESHOLD::SEEN]), (flags & LATE) != 0
            words = rules.find_many(events, features, learned, fresh, late, profiles, slots, self._absences)
            self._note_waits(release, kind, keys, profiles, slots)
            answers[:, at + known.shape[1] : -1] = words.view(np.float64)
        answers[:, -1] = (flags & _LACKING) != 0
        return answers

    def _population(self, model: Model, moments: NDArray[np.int64] | None) -> SnapshotsOfRows | None:
        return self._snapshots.of(snapshot_key(model.name, model.definition), moments) if model.category else None

    def _look_at(
        self,
        rules: EntityRules,
        events: Batch,
        features: NDArray[np.float64],
        fresh: NDArray[np.bool_],
        profiles: Profiles,
        slots: NDArray[np.int64],
        moments: NDArray[np.int64] | None,
    ) -> NDArray[np.float64]:
        thresholds = rules.thresholds
        if not thresholds:
            return np.empty((len(slots), 0))
        asked = rules.ask_thresholds(events, features)
        return look_at_keys(thresholds, asked, profiles, slots, events.times_ms, fresh, self._snapshots, moments)

    def label(
        self,
        release: Release,
        kind: str,
        keys: list[str],
        event_times_ms: NDArray[np.int64],
        id_keys: NDArray[np.int64],
        users: list[str],
        labels: NDArray[np.int8],
        visible_ms: NDArray[np.int64],
        ranks: NDArray[np.int8],
        lessons: ThresholdLessons | None = None,
    ) -> None:
        """Lets events at or after `visible_ms` see the labels of events of `users` at `keys`, entities of one kind.

        Args:
            ranks: of the sources of the labels, see `features.schema.label_sources`.
            lessons: what the events taught the thresholds of their users; None: nothing, or it is not known.
        """
        if kind not in release.features.plans:
            return
        profiles, slots = self._open(release, kind, keys)
        profiles.label(slots, event_times_ms, id_keys, users, labels, visible_ms, ranks)
        if lessons is not None and kind == release.schema.user:
            note_lessons(release, profiles, slots, lessons, event_times_ms, id_keys, labels, visible_ms, ranks)

    def tell(self, release: Release, facts: Sequence[FactRecord]) -> None:
        """Lets the entities that `facts` are about have them: events from the time on from which each holds see it.

        Facts of entities that `release` keeps no profiles of are passed over.
        """
        for kind in dict.fromkeys(fact.kind for fact in facts):
            if kind in release.features.plans:
                own = [fact for fact in facts if fact.kind == kind]
                profiles, slots = self._open(release, kind, [fact.entity for fact in own])
                for slot, fact in zip(slots.tolist(), own, strict=True):
                    tell(profiles.facts, slot, fact)

    def score(self, release: Release, batch: Batch) -> Verdicts:
        """Both stages at once: entities, then users."""
        answers = Answers.none(release, len(batch))
        for kind in release.entity_kinds():
            keys = release.features.key(kind, batch)
            if not any(keys):
                continue
            rows: NDArray[np.int64] | slice = slice(None)
            here = batch
            if not all(keys):
                rows = np.flatnonzero(np.fromiter(map(bool, keys), np.bool_, len(keys)))
                here, keys = batch.take(rows), list(filter(None, keys))
            values = release.features.plans[kind].row_values.of(here)
            answers.put(release, kind, rows, self.observe(release, kind, keys, here, values))
        return self.decide(release, batch, answers)

    def decide(self, release: Release, batch: Batch, answers: Answers, snapshots: NDArray[np.int64] | None = None) -> Verdicts:
        """The user stage: the steps of `pipeline.engine.steps.step_list`, one after the other.

        Args:
            answers: of the events' entities; their features are filled with all others.
            snapshots: [n] the moment up to which snapshots count for each event; None where the newest count.
        """
        parts = _parts_of(batch, release)
        if not parts:
            return self._decide(release, batch, answers, snapshots)
        moments = np.full(len(batch), NEWEST) if snapshots is None else snapshots
        verdicts = joined([self._decide(release, batch.take(at), answers.at(at), moments[at]) for at in parts])
        places = np.concatenate(parts)
        return verdicts if bool((np.diff(places) > 0).all()) else verdicts.at(np.argsort(places))

    def _decide(self, release: Release, batch: Batch, answers: Answers, snapshots: NDArray[np.int64] | None) -> Verdicts:
        profiles, slots = self._open(release, release.features.kinds[0], batch.users)
        turn = Turn(batch, profiles, slots, answers, snapshots, self.lists, self._absences)
        verdicts = nothing_said(release, answers.features)
        for step in self._steps:
            step.run(turn, verdicts)
        self._note_waits(release, release.features.kinds[0], batch.users, profiles, slots)
        return verdicts

    def pass_time(self, release: Release, now_ms: int) -> None:
        """Lets the trailing absences of rules come true whose deadlines lie before the event time `now_ms`; `take_absences` gives them.

        Call it once all events up to `now_ms` have been given, in whatever order, and the event time of the batches does not matter.
        """
        for name, keys in self._waits.due(now_ms).items():
            kind = name or release.features.kinds[0]
            waiting = release.rules.waiting.get(kind)
            if waiting is not None:
                profiles, slots = self._open(release, kind, keys)
                self._absences += waiting.pass_time(profiles, slots, now_ms)
                self._waits.note(name, keys, waiting.deadlines_ms(profiles, slots))

    def take_absences(self) -> list[Absence]:
        """Returns the trailing absences that have come true since the last call."""
        taken, self._absences = self._absences, []
        return taken

    @property
    def first_deadline_ms(self) -> int | None:
        """The earliest event time after which an absence comes true; None where nobody waits for one."""
        return self._waits.first_ms

    def _note_waits(self, release: Release, kind: str, keys: Sequence[str], profiles: Profiles, slots: NDArray[np.int64]) -> None:
        waiting = release.rules.waiting.get(kind)
        if waiting is not None:
            name = "" if kind == release.features.kinds[0] else kind
            self._waits.note(name, keys, waiting.deadlines_ms(profiles, slots))

    def keep(self, events: int) -> bool:
        """Says that a bundle of so many events is done: now is the time to write profiles, and to let go of some where they take
        too much memory. All are written or none: nothing reaches the state before, and never a part.

        Returns whether the state lacks anything of what the profiles are now.
        """
        if self._state is None:
            return False
        self._unmeasured += events
        if self._unmeasured >= _MEASURED_EVENTS:
            self._unmeasured = 0
            self._let_go()
        waiting = max([slabs.waiting for slabs in self._slabs.values()], default=0)
        if is_due(waiting, events):
            self._write()
            return False
        return waiting > 0

    def _let_go(self) -> None:
        """Lets go of profiles where they take too much memory; they are written before."""
        held = {kind: slabs.size_bytes for kind, slabs in self._slabs.items()}
        surplus = sum(held.values()) - self._profiles_bytes_max
        if surplus > 0:
            self._write()
            self._shrink(held, surplus + self._profiles_bytes_max // _SHARE_LET_GO)

    def save(self) -> None:
        """Writes to the state whatever it does not have yet: before a checkpoint."""
        for slabs in self._slabs.values():
            slabs.save()
        self._waits.save()

    def forget(self) -> None:
        """Lets go all profiles in memory, whatever befell them: they are read from the state again, as they were last written.

        Raises:
            ValueError: there is no state to read them from.
        """
        if self._state is None:
            raise ValueError("profiles without a state cannot be read again")
        self._slabs.clear()
        self._absences = []
        self._waits = Waits(self._state)

    def _write(self) -> None:
        for slabs in self._slabs.values():
            slabs.write()
        self._waits.save()

    def _shrink(self, held: dict[str, int], bytes_least: int) -> None:
        """Lets go of so many bytes of profiles, of the kind that takes most first."""
        for kind in sorted(held, key=held.__getitem__, reverse=True):
            if bytes_least > 0:
                bytes_least -= self._slabs[kind].shrink(bytes_least)

    def _open(self, release: Release, kind: str, keys: list[str]) -> tuple[Profiles, NDArray[np.int64]]:
        """The profiles of `keys`, entities of one kind, and their slots."""
        slabs = self._slabs.get(kind)
        if slabs is None:
            slabs = self._slabs[kind] = ProfileSlabs(kind, self._state)
        return slabs.open(release.features.plans[kind], release.sections.get(kind, ()), keys)


def _parts_of(batch: Batch, release: Release) -> list[NDArray[np.int64]]:
    """Returns the rows of a batch in parts that are decided one after the other; none where all are decided at once, as nearly always.

    No part holds an event and its correction. Where users learn thresholds, which depends on what was decided, no user stands in one twice.
    """
    learn = any(threshold.key == release.schema.user for threshold in release.rules.thresholds) if release.rules.thresholds else False
    if not learn and not np.count_nonzero(batch.ops):
        return []
    parts = [np.arange(part.start, part.stop) for part in turns(batch)]
    parts = [wave for part in parts for wave in waves(batch.users, part)] if learn else parts
    return parts if len(parts) > 1 else []
