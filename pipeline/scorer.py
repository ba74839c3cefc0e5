"""The scoring engine: micro-batches of events in, verdicts out. Pure: no clock, no I/O.

The Flink stages, replay and the tests all call it, so that they all give the same answers. An answer depends only on the
order in which each key's events come and on the release and snapshots in force, never on how events are batched.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.catalogue import KEYED, Keyed, Scoring, score_from
from detectors.snapshot import Snapshot
from features.batch import Batch
from features.codec import Cells
from features.layout import DUPLICATE, ID_REUSED, TOO_LATE
from features.profile import Profiles
from pipeline.models import Model
from pipeline.profiles import ProfileArenas, ProfileState
from pipeline.release import Release

NOT_SCORED = DUPLICATE | ID_REUSED | TOO_LATE
"""Flags of events that leave no trace in the user's profile and get no new decision."""


@dataclass(slots=True)
class Verdicts:
    """What the engine says of a batch, a row an event.

    Args:
        release: the release it was made by.
        scores: in [0, 1], NaN where no model was ready.
        actions: codes of `patterns.policy.ACTIONS`.
        features: [n, features], major units, NaN where missing.
        models: raw score of each model; NaN where it was not ready.
        snapshots: sequence number of the snapshot behind each global model.
        flags: bits of `features.profile`.
        rows: references of the retained rows, for what is remembered of a decision.
        releases: that each decision was made by: for a duplicate, that of the first decision.
        chosen: position in the policy's models of the one that gave the score; -1: none.
        inputs: what each model saw, [n, inputs].
        scoring: the scoring side of each global model that was ready.
    """

    release: Release
    scores: NDArray[np.float64]
    actions: NDArray[np.uint8]
    features: NDArray[np.float64]
    flags: NDArray[np.uint8]
    rows: NDArray[np.int64]
    releases: NDArray[np.int64]
    chosen: NDArray[np.int8]
    models: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    snapshots: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    scoring: dict[str, Scoring] = field(default_factory=dict)


class Scorer:
    """Profiles, detectors and policy over micro-batches.

    Args:
        state: where profiles outlive the process; ``None``: they live and die with this object.
    """

    def __init__(self, state: ProfileState | None = None) -> None:
        self._state = state
        self._arenas: dict[str, ProfileArenas] = {}
        self._snapshots: dict[str, tuple[Snapshot, Scoring]] = {}

    def install(self, snapshot: Snapshot, release: Release) -> bool:
        """Scores with `snapshot` from now on; false when it is not of a model of `release`, or not newer.

        Raises:
            ValueError: its arrays are not those of such a model; the one before stays.
        """
        for model in release.models:
            if model.name == snapshot.model and model.definition == snapshot.definition:
                held = self._snapshots.get(model.name)
                if held and held[0].definition == snapshot.definition and held[0].sequence >= snapshot.sequence:
                    return False
                scoring = score_from(model.model, snapshot.arrays)
                if scoring.inputs != len(model.inputs):
                    raise ValueError(f"snapshot for {scoring.inputs} inputs; the model has {len(model.inputs)}")
                self._snapshots[model.name] = (snapshot, scoring)
                return True
        return False

    def observe(self, release: Release, kind: str, keys: list[str], batch: Batch) -> NDArray[np.float64]:
        """Adds the events to the profiles of `keys`, entities of one kind, and gives the features of each event there.

        Returns [n, width of the kind's plan]. An event that is there already is not added again.
        """
        plan = release.features.plans[kind]
        arena, slots = self._arena(kind).open(plan, (), keys)
        out = np.empty((len(keys), plan.width))
        arena.observe(slots, batch, out)
        self._arena(kind).keep(len(keys))
        return out

    def label(
        self,
        release: Release,
        kind: str,
        keys: list[str],
        event_times_ms: NDArray[np.int64],
        id_keys: NDArray[np.int64],
        labels: NDArray[np.int8],
        visible_ms: NDArray[np.int64],
    ) -> None:
        """Lets events at or after `visible_ms` see the labels of events of `keys`, entities of one kind."""
        plan = release.features.plans.get(kind)
        if plan is None:
            return
        cells = keyed_cells(release) if kind == release.features.kinds[0] else ()
        arena, slots = self._arena(kind).open(plan, cells, keys)
        arena.label(slots, event_times_ms, id_keys, labels, visible_ms)
        self._arena(kind).keep(len(keys))

    def score(self, release: Release, batch: Batch) -> Verdicts:
        """Both stages at once: entities, then users."""
        features = np.full((len(batch), len(release.features.names)), np.nan)
        for kind in release.entity_kinds():
            keys = batch.entities[kind]
            present = np.fromiter((key != "" for key in keys), np.bool_, len(keys))
            columns = release.features.columns[kind]
            if present.all():
                features[:, columns] = self.observe(release, kind, keys, batch)
            elif present.any():
                rows = np.flatnonzero(present)
                answers = self.observe(release, kind, [keys[row] for row in rows], batch.take(rows))
                features[rows[:, None], columns] = answers
        return self.decide(release, batch, features)

    def decide(self, release: Release, batch: Batch, features: NDArray[np.float64]) -> Verdicts:
        """The user stage: `features` [n, features] holds the entities' answers and is filled with all others."""
        kind = release.features.kinds[0]
        plan = release.features.plans[kind]
        arena, slots = self._arena(kind).open(plan, keyed_cells(release), batch.users)
        out = np.empty((len(batch), plan.width))
        flags, rows = arena.observe(slots, batch, out)
        features[:, release.features.columns[kind]] = out
        release.features.fill_calendar(batch.times_ms, features)
        count = len(batch)
        nothing, actions, chosen = np.full(count, np.nan), np.zeros(count, np.uint8), np.full(count, -1, np.int8)
        verdicts = Verdicts(release, nothing, actions, features, flags, rows, np.full(count, release.id), chosen)
        probabilities = self._run_models(verdicts, batch, arena, slots)
        for position, name in enumerate(release.policy.models):
            empty = np.isnan(verdicts.scores) & ~np.isnan(probabilities[name])
            verdicts.scores[empty] = probabilities[name][empty]
            verdicts.chosen[empty] = position
        verdicts.actions = release.policy.decide_many(verdicts.scores)
        self._remember(verdicts, arena)
        self._arena(kind).keep(count)
        return verdicts

    def _run_models(self, verdicts: Verdicts, batch: Batch, arena: Profiles, slots: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        probabilities: dict[str, NDArray[np.float64]] = {}
        first_cell = 0
        for model in verdicts.release.models:
            inputs = model.columns.take(batch.numbers, verdicts.features)
            verdicts.inputs[model.name] = inputs
            if model.keyed:
                detector = keyed_detector(model)
                raw = _score_keyed(detector, arena, slots, first_cell, inputs[:, 0], verdicts.flags)
                first_cell += detector.width
                probability = raw
            else:
                raw, probability = self._score_global(model, inputs, verdicts)
            verdicts.models[model.name] = raw
            probabilities[model.name] = probability
        return probabilities

    def _score_global(
        self, model: Model, inputs: NDArray[np.float64], verdicts: Verdicts
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        held = self._snapshots.get(model.name)
        if held is None or held[0].definition != model.definition:
            nothing = np.full(len(inputs), np.nan)
            return nothing, nothing
        snapshot, scoring = held
        verdicts.snapshots[model.name] = snapshot.sequence
        verdicts.scoring[model.name] = scoring
        raw = scoring.score_many(inputs)
        return raw, scoring.probability_many(raw)

    def _remember(self, verdicts: Verdicts, arena: Profiles) -> None:
        """Keeps scores and actions for duplicates to be answered with; recalls them for the duplicates of this batch."""
        fresh = (verdicts.flags & NOT_SCORED) == 0
        outcomes = verdicts.actions.astype(np.int64) | (verdicts.release.id << 8)
        arena.remember(verdicts.rows[fresh], verdicts.scores[fresh], outcomes[fresh])
        if fresh.all():
            return
        verdicts.scores[~fresh] = np.nan
        repeated = (verdicts.flags & DUPLICATE) != 0
        verdicts.scores[repeated], outcomes = arena.recall(verdicts.rows[repeated])
        verdicts.actions[repeated] = (outcomes & 0xFF).astype(np.uint8)
        verdicts.releases[repeated] = outcomes >> 8

    def save(self) -> None:
        """Writes to the state whatever it does not have yet: before a checkpoint."""
        for arenas in self._arenas.values():
            arenas.save()

    def _arena(self, kind: str) -> ProfileArenas:
        arenas = self._arenas.get(kind)
        if arenas is None:
            arenas = self._arenas[kind] = ProfileArenas(kind, self._state)
        return arenas


def keyed_detector(model: Model) -> Keyed:
    """The detector of a model with state per user."""
    return KEYED[model.model](**model.parameters)


def keyed_cells(release: Release) -> Cells:
    """The release's detectors with state per user, known by their definitions: another definition begins anew."""
    return tuple((model.definition[:12], keyed_detector(model).width) for model in release.models if model.keyed)


def _score_keyed(
    detector: Keyed,
    arena: Profiles,
    slots: NDArray[np.int64],
    first_cell: int,
    inputs: NDArray[np.float64],
    flags: NDArray[np.uint8],
) -> NDArray[np.float64]:
    raw = np.full(len(inputs), np.nan)
    fresh = (flags & NOT_SCORED) == 0
    state = arena.extra[:, first_cell : first_cell + detector.width]
    scores = np.empty(int(fresh.sum()))
    detector.score_learn_many(state, slots[fresh], inputs[fresh], scores)
    raw[fresh] = scores
    return raw
