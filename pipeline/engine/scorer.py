"""The scoring engine: micro-batches of events in, verdicts out. Pure: no clock, no I/O.

The Flink stages, replay and the tests all call it, so that they all give the same answers. An answer depends only on the
order in which each key's events come and on the release and snapshots in force, never on how events are batched.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import Keyed, Scoring, score_from
from detectors.missing import are_mostly_missing
from detectors.snapshot import Snapshot, snapshot_key
from features.definitions.row_values import row_values
from features.layout.layout import RETRACTED, TOO_FAR_BACK, TOO_OFTEN, UNKNOWN, WARMING
from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from patterns.policy import ACTIONS
from pipeline.engine.models import Model
from pipeline.engine.profile_store import BYTES_MAX, ProfileArenas, ProfileState
from pipeline.engine.reasons import largest, shares_of
from pipeline.engine.release import Release
from pipeline.engine.revisions import number_revisions, remember, turns
from pipeline.engine.verdicts import REVISED, UNDECIDED, Verdicts, joined, nothing_said

_SHARE_LET_GO = 32
"""Of the memory for profiles one part in so many is let go at once: more would hold events up, less would search too often."""
_LACKING = WARMING | UNKNOWN | TOO_FAR_BACK | TOO_OFTEN
"""Flags of an entity's answer that lacks something."""


class Scorer:
    """Profiles, detectors and policy over micro-batches.

    Args:
        state: where profiles outlive the process; ``None``: they live and die with this object.
        profiles_bytes_max: memory that profiles of all kinds take, about, beside those of one batch: beyond it those used longest
            ago are read from the state when they are needed again. Without a state it has no meaning.
    """

    def __init__(self, state: ProfileState | None = None, profiles_bytes_max: int = BYTES_MAX) -> None:
        self._state = state
        self._profiles_bytes_max = profiles_bytes_max
        self._arenas: dict[str, ProfileArenas] = {}
        self._snapshots: dict[str, tuple[Snapshot, Scoring]] = {}

    def install(self, snapshot: Snapshot, release: Release) -> bool:
        """Scores with `snapshot` from now on; false when it is not of a model of `release`, or not newer.

        Raises:
            ValueError: its arrays are not those of such a model; the one before stays.
        """
        for model in release.models:
            if model.name == snapshot.model and model.definition == snapshot.definition:
                held = self._snapshots.get(snapshot.key)
                if held and held[0].sequence >= snapshot.sequence:
                    return False
                scoring = score_from(model.model, snapshot.arrays)
                if scoring.inputs != len(model.inputs):
                    raise ValueError(f"snapshot for {scoring.inputs} inputs; the model has {len(model.inputs)}")
                self._snapshots[snapshot.key] = (snapshot, scoring)
                return True
        return False

    def retain(self, keys: Collection[str]) -> None:
        """Drops all snapshots but those of `keys`: see `Snapshot.key`."""
        self._snapshots = {key: held for key, held in self._snapshots.items() if key in keys}

    def observe(self, release: Release, kind: str, keys: list[str], batch: Batch, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Adds the events to the profiles of `keys`, entities of one kind, and gives the features of each event there.

        An event that is there already is not added again; of one that is corrected the features are those of the correction.

        Args:
            values: [n, columns of the kind's plan] see `features.definitions.row_values`.

        Returns [n, features of the kind + 1]; the last is 1 where the history does not reach back far enough, else 0.
        """
        plan = release.features.plans[kind]
        arena, slots = self._arena(kind).open(plan, (), keys)
        out = np.empty((len(keys), plan.width))
        flags = arena.observe(slots, batch, values, out).flags
        features = release.features.finish(kind, out, values, batch.times_ms)
        return np.column_stack([features, (flags & _LACKING) != 0])

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
    ) -> None:
        """Lets events at or after `visible_ms` see the labels of events of `users` at `keys`, entities of one kind."""
        plan = release.features.plans.get(kind)
        if plan is None:
            return
        arena, slots = self._open(release, keys) if kind == release.features.kinds[0] else self._arena(kind).open(plan, (), keys)
        arena.label(slots, event_times_ms, id_keys, users, labels, visible_ms)

    def score(self, release: Release, batch: Batch) -> Verdicts:
        """Both stages at once: entities, then users."""
        features, warming = np.full((len(batch), len(release.features.names)), np.nan), np.zeros(len(batch), np.bool_)
        for kind in release.entity_kinds():
            keys = release.features.key(kind, batch)
            rows = np.flatnonzero(np.fromiter(map(bool, keys), np.bool_, len(keys)))
            if len(rows):
                here, keys = (batch, keys) if len(rows) == len(batch) else (batch.take(rows), [keys[row] for row in rows.tolist()])
                values = row_values(release.features.plans[kind].columns, here, release.schema)
                answers = self.observe(release, kind, keys, here, values)
                features[rows[:, None], release.features.columns[kind]] = answers[:, :-1]
                warming[rows] |= answers[:, -1] == 1.0
        return self.decide(release, batch, features, warming)

    def decide(self, release: Release, batch: Batch, features: NDArray[np.float64], warming: NDArray[np.bool_]) -> Verdicts:
        """The user stage.

        Args:
            features: [n, features] holds the entities' answers and is filled with all others.
            warming: [n] whether the history of one of the entities does not reach back far enough.
        """
        parts = list(turns(batch))
        if len(parts) == 1:
            return self._decide(release, batch, features, warming)
        places = [np.arange(part.start, part.stop) for part in parts]
        return joined([self._decide(release, batch.take(at), features[at], warming[at]) for at in places])

    def _decide(self, release: Release, batch: Batch, features: NDArray[np.float64], warming: NDArray[np.bool_]) -> Verdicts:
        kind = release.features.kinds[0]
        plan = release.features.plans[kind]
        arena, slots = self._open(release, batch.users)
        out = np.empty((len(batch), plan.width))
        values = row_values(plan.columns, batch, release.schema)
        flags, rows, outcomes = arena.observe(slots, batch, values, out)
        features[:, release.features.columns[kind]] = release.features.finish(kind, out, values, batch.times_ms)
        release.features.complete(batch, features)
        flags[warming & ((flags & UNDECIDED) == 0)] |= WARMING
        verdicts = nothing_said(release, features, flags, rows)
        number_revisions(verdicts, outcomes)
        probabilities = self._run_models(verdicts, batch, arena, slots)
        for position, name in enumerate(release.policy.models):
            empty = np.isnan(verdicts.scores) & ~np.isnan(probabilities[name])
            verdicts.scores[empty] = probabilities[name][empty]
            verdicts.chosen[empty] = position
        verdicts.actions = release.policy.decide_many(verdicts.scores)
        _take_back(verdicts)
        _find_reasons(verdicts)
        remember(verdicts, arena, outcomes)
        return verdicts

    def _run_models(self, verdicts: Verdicts, batch: Batch, arena: Profiles, slots: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        probabilities: dict[str, NDArray[np.float64]] = {}
        first_cell = 0
        for model in verdicts.release.models:
            inputs = model.columns.take(batch.numbers, verdicts.features)
            verdicts.inputs[model.name] = inputs
            if model.keyed:
                raw = _score_keyed(model.keyed, arena, slots, first_cell, inputs[:, 0], verdicts.flags)
                first_cell += model.keyed.width
                probability = raw
            else:
                raw, probability = self._score_global(model, inputs, verdicts)
            verdicts.models[model.name] = raw
            probabilities[model.name] = probability
        return probabilities

    def _score_global(
        self, model: Model, inputs: NDArray[np.float64], verdicts: Verdicts
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        held = self._snapshots.get(snapshot_key(model.name, model.definition))
        if held is None:
            nothing = np.full(len(inputs), np.nan)
            return nothing, nothing
        snapshot, scoring = held
        verdicts.snapshots[model.name] = snapshot.sequence
        verdicts.scoring[model.name] = scoring
        raw = scoring.score_many(inputs)
        raw[are_mostly_missing(inputs)] = np.nan
        return raw, scoring.probability_many(raw)

    def keep(self, events: int) -> None:
        """Says that a bundle of so many events is done: now is the time to write profiles, and to let go of some where they take
        too much memory. All are written or none: nothing reaches the state before, and never a part."""
        if self._state is None:
            return
        held = {kind: arenas.size_bytes for kind, arenas in self._arenas.items()}
        surplus = sum(held.values()) - self._profiles_bytes_max
        if surplus > 0 or any(arenas.is_due(events) for arenas in self._arenas.values()):
            for arenas in self._arenas.values():
                arenas.write()
        if surplus > 0:
            self._shrink(held, surplus + self._profiles_bytes_max // _SHARE_LET_GO)

    @property
    def unsaved(self) -> bool:
        """Whether the state lacks anything of what the profiles are now."""
        return any(arenas.unsaved for arenas in self._arenas.values())

    def save(self) -> None:
        """Writes to the state whatever it does not have yet: before a checkpoint."""
        for arenas in self._arenas.values():
            arenas.save()

    def forget(self) -> None:
        """Lets go all profiles in memory, whatever befell them: they are read from the state again, as they were last written.

        Raises:
            ValueError: there is no state to read them from.
        """
        if self._state is None:
            raise ValueError("profiles without a state cannot be read again")
        self._arenas.clear()

    def _shrink(self, held: dict[str, int], bytes_least: int) -> None:
        """Lets go of so many bytes of profiles, of the kind that takes most first."""
        for kind in sorted(held, key=held.__getitem__, reverse=True):
            if bytes_least > 0:
                bytes_least -= self._arenas[kind].shrink(bytes_least)

    def _open(self, release: Release, users: list[str]) -> tuple[Profiles, NDArray[np.int64]]:
        """The profiles of `users`, and their slots."""
        kind = release.features.kinds[0]
        return self._arena(kind).open(release.features.plans[kind], release.cells, users, release.warm_ups)

    def _arena(self, kind: str) -> ProfileArenas:
        arenas = self._arenas.get(kind)
        if arenas is None:
            arenas = self._arenas[kind] = ProfileArenas(kind, self._state)
        return arenas


def _take_back(verdicts: Verdicts) -> None:
    """Leaves of a retracted event neither features nor scores; it is approved."""
    gone = verdicts.are(RETRACTED)
    if gone.any():
        verdicts.features[gone] = verdicts.scores[gone] = np.nan
        verdicts.flags[gone] &= ~np.uint16(WARMING)
        verdicts.chosen[gone] = -1
        verdicts.actions[gone] = ACTIONS.index("approve")
        verdicts.models = {name: np.where(gone, np.nan, raw) for name, raw in verdicts.models.items()}


def _find_reasons(verdicts: Verdicts) -> None:
    """The inputs that raised the score most, for those events that are not approved: few, so that it costs little."""
    models = {model.name: model for model in verdicts.release.models}
    suspected = verdicts.actions != ACTIONS.index("approve")
    for position, name in enumerate(verdicts.release.policy.models):
        rows = np.flatnonzero(suspected & (verdicts.chosen == position))
        if len(rows):
            verdicts.reasons[rows] = largest(shares_of(verdicts, models[name], rows))
    _find_gaps(verdicts)


def _find_gaps(verdicts: Verdicts) -> None:
    """Of the events that no model gave a score: the first of the policy's models whose inputs are mostly missing."""
    silent = np.flatnonzero(np.isnan(verdicts.scores) & ~verdicts.are(UNDECIDED | RETRACTED))
    if len(silent):
        for position, name in reversed(list(enumerate(verdicts.release.policy.models))):
            verdicts.reasons[silent[are_mostly_missing(verdicts.inputs[name][silent])], 0] = position


def _score_keyed(
    detector: Keyed,
    arena: Profiles,
    slots: NDArray[np.int64],
    first_cell: int,
    inputs: NDArray[np.float64],
    flags: NDArray[np.uint16],
) -> NDArray[np.float64]:
    """What the detector says of new events; it has learned a corrected one as it was, and can neither forget nor judge it."""
    raw = np.full(len(inputs), np.nan)
    fresh = (flags & (UNDECIDED | REVISED)) == 0
    state = arena.extra[:, first_cell : first_cell + detector.width]
    scores = np.empty(int(fresh.sum()))
    detector.score_learn_many(state, slots[fresh], inputs[fresh], scores)
    raw[fresh] = scores
    return raw
