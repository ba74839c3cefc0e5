"""The trainer feeds decisions and labels to the learners; the learn job reads and writes them for it."""

import logging

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.snapshot import Snapshot, snapshot_key
from features.schema.label_sources import ANY_SOURCE
from features.schema.string_hash import word_of
from features.windows.row_label import standings
from patterns.hold_out import known_shares
from patterns.policy import ACTIONS
from patterns.thresholds.threshold import COHORT, LOOKED, OWN_SPREAD, SPREAD, THRESHOLD, USUAL, VALUE, WEIGHT
from pipeline.engine.decisions.looked_up import LookedUp
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release
from pipeline.engine.event_keys import event_keys
from pipeline.engine.learners.event_learner import EventLearner
from pipeline.engine.learners.keyed_learner import PopulationLearner
from pipeline.engine.learners.label_learner import LabelLearner
from pipeline.engine.learners.learner import AnyLearner, Learners, advance, resume, state_of, welcome
from pipeline.engine.learners.lessons import Lessons
from pipeline.engine.learners.threshold_learner import ThresholdLearner
from pipeline.engine.learners.two_numbers import Served
from pipeline.score_job.labels import ResolvedLabel

_REPEATS_KNOWN = 200_000
REPLACED_KEPT = 4


log = logging.getLogger(__name__)

STATES_BYTES_MAX = 12 << 20
"""The maximum size of all states with their samples: one record of the topic ``learners`` holds them, and Kafka takes 16 MiB."""


class ServedModel(msgspec.Struct, frozen=True):
    """What one model said of an event."""

    score: float | None = None


class ServedContributions(msgspec.Struct, frozen=True):
    """Names the model that gave the score; it is empty if none did."""

    model: str = ""


class ServedDecision(msgspec.Struct):
    """The fields of a decision that the learners need."""

    event_id: str
    event_time: int
    user: str
    event: dict[str, float | None]
    features: dict[str, float | None]
    release: int
    revision: int = 0
    score: float | None = None
    scale: str = "raw"
    action: str = ""
    models: dict[str, ServedModel] = {}
    contributions: ServedContributions = ServedContributions()
    thresholds: dict[str, LookedUp] = {}
    entities: dict[str, str | None] = {}
    dimensions: dict[str, str | None] = {}
    hold_out: float = 0.0


class Trainer:
    """Feeds decisions and labels to the learners of the newest release, and does no I/O.

    The state of a model outlives the replacement of its definition: the last `REPLACED_KEPT` replaced definitions of each model keep their
    state, and continue from it when a release names them again. Meanwhile they learn nothing.
    """

    def __init__(self) -> None:
        self._replaced: dict[str, Snapshot] = {}
        self.clock_ms = 0
        self.repeats = 0
        self._learners: list[AnyLearner] = []
        self._release: Release | None = None
        self._seen: dict[tuple[str, str], None] = {}

    @property
    def learners(self) -> list[AnyLearner]:
        return self._learners

    def keys(self) -> list[str]:
        """The keys of the snapshots of all models that learn now, see `Snapshot.key`."""
        return [_key_of(each) for each in self._learners]

    def change(self, release: Release) -> None:
        """Trains the models of `release` from now on; a model whose definition is unchanged keeps its state."""
        held = {_key_of(each): each for each in self._learners}
        self._learners = [
            _kept(held.pop(key), each, release) if (key := _key_of(each)) in held else self._come_back(each)
            for each in Learners(release).each
        ]
        for each in held.values():
            self._replace(_state_of(each, 0, self.clock_ms, sampled=False))
        self._release = release

    def _come_back(self, learner: AnyLearner) -> AnyLearner:
        """Gives `learner` the state that was kept for its definition, if there is one, and returns it."""
        state = self._replaced.pop(_key_of(learner), None)
        if state is not None:
            resume(learner, state.arrays)
        return learner

    def _replace(self, state: Snapshot) -> None:
        self._replaced[state.key] = state
        for key in [key for key, each in self._replaced.items() if each.model == state.model][:-REPLACED_KEPT]:
            del self._replaced[key]

    def decide(self, decisions: list[ServedDecision], id_keys: NDArray[np.int64], refill: bool = False) -> None:
        """Takes in decisions as served; repeated decisions on one event are dropped and counted.

        Only the first revision of an event is learned: corrections and retractions teach nothing and take nothing back.

        Args:
            decisions: in the order of their topic.
            id_keys: the key of each decision's event id.
            refill: the decisions were learned before a restart and are read again: their vectors wait for labels and teach nothing.
        """
        fresh = self._fresh(decisions)
        times_ms = np.array([decisions[row].event_time for row in fresh], np.int64)
        learners = [
            each for each in self._learners if not (refill and isinstance(each, EventLearner | PopulationLearner | ThresholdLearner))
        ]
        prepared = [(each, _vectors_of([decisions[row] for row in fresh], each)) for each in learners]
        keys = event_keys(id_keys[fresh], [decisions[row].user for row in fresh])
        given = [decisions[row] for row in fresh]
        actions = np.array([ACTIONS.index(decision.action or ACTIONS[0]) for decision in given], np.uint8)
        shares = known_shares(actions, np.array([decision.hold_out for decision in given]))
        numbered = [
            (each.numbers, _served(given, id_keys[fresh], keys, times_ms, each.model))
            for each in self._learners
            if not isinstance(each, ThresholdLearner) and each.numbers is not None and fresh
        ]
        self._see(decisions)  # this is the first change, so that a decision that raises above leaves no trace
        if not fresh:
            return
        self.clock_ms = max(self.clock_ms, int(times_ms.max()))
        for each, vectors in prepared:
            # A label that came before its decision brought the vector with it; a second vector would be taught as negative.
            new = ~each.held(keys) & welcome(each, actions)
            each.see(id_keys[fresh][new], keys[new], times_ms[new], vectors[new])
            if isinstance(each, LabelLearner):
                each.weigh(keys, shares)
            if each.usual is not None and not refill:
                each.usual.see(id_keys[fresh], vectors)
        for numbers, served in numbered:
            numbers.see(served, refill)

    def label(self, resolved: ResolvedLabel) -> None:
        """Takes in a label that was joined with its decision."""
        keys = event_keys(np.array([resolved.id_key]), [resolved.user])
        labels, times_ms = np.array([resolved.label], np.int8), np.array([resolved.label_time])
        sources = self._release.schema.label_sources if self._release is not None else ANY_SOURCE
        own = standings(labels, times_ms, np.array([sources.rank(resolved.source)], np.int8))
        lesson = Lessons(keys, labels, times_ms, own, np.array([resolved.weight]))
        for each in self._learners:
            if isinstance(each, ThresholdLearner):
                continue
            each.tell(lesson, vector_of(resolved, each.model.inputs)[None, :])
            if each.numbers is not None:
                each.numbers.tell(lesson)

    def refilled(self) -> None:
        """Ends a refill: takes the learners to the greatest event time seen without teaching, as that was taught before the restart."""
        for each in self._learners:
            advance(each, self.clock_ms, teach=False)

    def due(self, sequence_before: int, clock_before_ms: int) -> int | None:
        """Gives the number of the next snapshots if they are due by event time, else ``None``.

        The number is that of the period which the greatest event time lies in, but always greater than `sequence_before`, even if that was
        counted in shorter periods.

        Args:
            sequence_before: number of the last snapshots.
            clock_before_ms: greatest event time when they were made, in ms since the epoch.
        """
        every_ms = min((each.model.publish_every_ms for each in self._learners), default=0)
        if not every_ms or self.clock_ms // every_ms <= clock_before_ms // every_ms:
            return None
        return max(sequence_before + 1, self.clock_ms // every_ms)

    def advance(self) -> None:
        """Teaches all examples that are due by the greatest event time seen."""
        for each in self._learners:
            advance(each, self.clock_ms)

    def snapshots(self, sequence: int) -> list[Snapshot]:
        """The snapshots of those learners that have one to publish, as of the last `advance`."""
        made = (each.snapshot(sequence, self.clock_ms) for each in self._learners)
        return [snapshot for snapshot in made if snapshot is not None]

    def states(self, sequence: int) -> dict[str, bytes]:
        """The encoded state of each learner, by `Snapshot.key`; replaced definitions come first, in the order of their replacement."""
        states = self._encoded(sequence, sampled=True)
        if sum(map(len, states.values())) > STATES_BYTES_MAX:
            log.warning("the samples of %d models do not fit into one record: after a restart maps go on from new events", len(states))
            return self._encoded(sequence, sampled=False)
        return states

    def _encoded(self, sequence: int, sampled: bool) -> dict[str, bytes]:
        states = [*self._replaced.values(), *(_state_of(each, sequence, self.clock_ms, sampled) for each in self._learners)]
        return {state.key: state.encode() for state in states}

    def resume(self, states: dict[str, bytes], clock_ms: int) -> None:
        """Continues from `states`; a model whose definition is not among them starts anew."""
        self.clock_ms = clock_ms
        learners = {_key_of(each): each for each in self._learners}
        for encoded in states.values():
            state = Snapshot.decode(encoded)
            if state.key in learners:
                resume(learners[state.key], state.arrays)
            else:
                self._replace(state)

    def _fresh(self, decisions: list[ServedDecision]) -> list[int]:
        """Gives the rows of the first decisions on events that were not seen before, in order."""
        first = {_event_of(decision): row for row, decision in reversed(list(enumerate(decisions))) if not decision.revision}
        return sorted(row for event, row in first.items() if event not in self._seen)

    def _see(self, decisions: list[ServedDecision]) -> None:
        for decision in decisions:
            if decision.revision:
                continue
            self.repeats += _event_of(decision) in self._seen
            self._seen.setdefault(_event_of(decision))
            if len(self._seen) > _REPEATS_KNOWN:
                del self._seen[next(iter(self._seen))]


def _event_of(decision: ServedDecision) -> tuple[str, str]:
    return decision.user, decision.event_id


def vector_of(served: ServedDecision | ResolvedLabel, inputs: tuple[str, ...]) -> NDArray[np.float64]:
    """Gives the values of a model's inputs from a decision as served, as an array of shape (inputs,); a missing one is NaN."""
    values = []
    for name in inputs:
        value = _value_of(served, *name.split(".", 1))
        values.append(np.nan if value is None else value)
    return np.array(values, np.float64)


def _value_of(served: ServedDecision | ResolvedLabel, place: str, field: str) -> float | None:
    """Gives a number of the event, a feature, or the raw score of a model or the hash of a text, which no label brings with it."""
    if place == "model":
        model = served.models.get(field) if isinstance(served, ServedDecision) else None
        return None if model is None else model.score
    if place == "event" and field not in served.event and isinstance(served, ServedDecision):
        return word_of(served.entities.get(field) or served.dimensions.get(field))
    return (served.event if place == "event" else served.features).get(field)


def _vectors_of(decisions: list[ServedDecision], learner: AnyLearner) -> NDArray[np.float64]:
    """Gives what a learner sees of decisions, a row each."""
    if not isinstance(learner, ThresholdLearner):
        return np.array([vector_of(decision, learner.model.inputs) for decision in decisions])
    found = np.full((len(decisions), LOOKED), np.nan)
    for row, decision in enumerate(decisions):
        served = decision.thresholds.get(learner.model.name)
        if served is not None:
            known = (served.threshold, served.usual, served.spread, served.weight, served.own_spread, served.value)
            found[row, _SERVED] = [np.nan if number is None else number for number in known]
            found[row, COHORT] = word_of(served.cohort)
    return found


_SERVED = [THRESHOLD, USUAL, SPREAD, WEIGHT, OWN_SPREAD, VALUE]


def _key_of(learner: AnyLearner) -> str:
    return snapshot_key(learner.model.name, learner.model.definition)


def _kept(held: AnyLearner, anew: AnyLearner, release: Release) -> AnyLearner:
    """The learner that goes on, with the numbers that its new release asks for: a policy may have got another scale."""
    if isinstance(held, ThresholdLearner) or isinstance(anew, ThresholdLearner):
        if isinstance(held, ThresholdLearner) and isinstance(anew, ThresholdLearner):
            held.change(anew.model)
        return held
    held.model = anew.model
    if anew.numbers is None or held.numbers is None:
        held.numbers = anew.numbers
    else:
        held.numbers.stand(anew.model, release)
    return held


def _state_of(learner: AnyLearner, sequence: int, clock_ms: int, sampled: bool) -> Snapshot:
    return Snapshot(learner.model.name, learner.model.definition, sequence, clock_ms, state_of(learner, sampled))


def _served(
    decisions: list[ServedDecision], id_keys: NDArray[np.int64], keys: NDArray[np.int64], times_ms: NDArray[np.int64], model: Model
) -> Served:
    """What decisions served, as `model` is concerned."""
    gave = [decision.score if decision.contributions.model == model.name and decision.scale == "stable" else None for decision in decisions]
    raw = [decision.models[model.name].score if model.name in decision.models else None for decision in decisions]
    return Served(
        id_keys,
        keys,
        times_ms,
        np.array([vector_of(decision, model.inputs) for decision in decisions]),
        np.array(raw, np.float64),
        np.array(gave, np.float64),
        np.array([ACTIONS.index(decision.action or ACTIONS[0]) for decision in decisions], np.uint8),
    )
