"""Learning beside the decision's path: all that the models and thresholds of a release have seen, and the snapshots they publish."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.snapshot import Snapshot
from patterns.policy import ACTIONS
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.release import Release
from pipeline.engine.learners.event_learner import EventLearner
from pipeline.engine.learners.fitted_trees import Fit
from pipeline.engine.learners.keyed_learner import KeyedLearner, PopulationLearner
from pipeline.engine.learners.label_learner import LabelLearner
from pipeline.engine.learners.lessons import Lessons
from pipeline.engine.learners.retrained_learner import RetrainedLearner
from pipeline.engine.learners.threshold_learner import ThresholdLearner
from pipeline.engine.learners.two_numbers import TwoNumbers

AnyLearner = EventLearner | LabelLearner | KeyedLearner | ThresholdLearner


class Learners:
    """All that is learned beside the decision's path: global models of a release, all on the stable scale, and the tails of thresholds.

    Args:
        release: whose models and thresholds learn.
        fit: fits boosted trees; None: such models learn elsewhere.
    """

    def __init__(self, release: Release, fit: Fit | None = None) -> None:
        each = (_learner_of(model, release, fit) for model in release.models)
        models: list[AnyLearner] = [learner for learner in each if learner is not None]
        self.each: list[AnyLearner] = [*models, *(ThresholdLearner(threshold) for threshold in release.rules.thresholds)]

    def publish_every_ms(self) -> int:
        """The shortest period of the models; a day when there is none."""
        return min((each.model.publish_every_ms for each in self.each), default=86_400_000)

    def tell(self, lessons: Lessons) -> None:
        """Labels, each in force at its time."""
        for each in self.each:
            each.tell(lessons)
            if each.numbers is not None:
                each.numbers.tell(lessons)

    def snapshots(self, sequence: int, time_ms: int) -> Iterable[Snapshot]:
        """A snapshot of each model and threshold that is ready for one, all that is due at `time_ms` taught before."""
        for each in self.each:
            advance(each, time_ms)
            snapshot = each.snapshot(sequence, time_ms)
            if snapshot is not None:
                yield snapshot


def advance(learner: AnyLearner, time_ms: int, teach: bool = True) -> None:
    """Teaches a learner and its numbers what is due at `time_ms`; without `teach` it was taught before a restart."""
    learner.advance(time_ms, teach)
    if learner.numbers is not None:
        learner.numbers.advance(time_ms, teach)


def state_of(learner: AnyLearner, sampled: bool = True) -> dict[str, NDArray[Any]]:
    """What a learner and its numbers need to go on; `sampled`: see `StableScale.state`, and `TailLearner.state` of thresholds."""
    if isinstance(learner, ThresholdLearner):
        return learner.state(sampled)
    numbers = learner.numbers.state(sampled) if learner.numbers is not None else {}
    return {**learner.state(), **numbers, **(learner.usual.state() if learner.usual is not None else {})}


def resume(learner: AnyLearner, state: dict[str, NDArray[Any]]) -> None:
    """Lets a learner and its numbers go on from `state`; numbers begin anew from one that has none."""
    learner.resume(state)
    if learner.usual is not None:
        learner.usual.resume(state)
    if learner.numbers is not None:
        learner.numbers.resume(state)


def _learner_of(model: Model, release: Release, fit: Fit | None) -> AnyLearner | None:
    after_ms = release.schema.negative_after_ms
    numbers = TwoNumbers(model, release) if release.policy.scale == "stable" else None
    if model.category:
        return PopulationLearner(model, numbers)
    if model.keyed:
        return KeyedLearner(model, numbers) if numbers is not None else None
    if model.boosted is not None:
        return RetrainedLearner(model, after_ms, fit, numbers) if fit is not None else None
    return LabelLearner(model, after_ms, numbers=numbers) if model.labelled else EventLearner(model, numbers)


def welcome(learner: AnyLearner, actions: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tells [n] which events may teach a learner, by their actions: all, or the approved ones where it is to learn what is normal."""
    if not (isinstance(learner, EventLearner) and learner.model.approved_only):
        return np.ones(len(actions), np.bool_)
    approved: NDArray[np.bool_] = actions == ACTIONS.index("approve")
    return approved
