"""Which labels teach a model, how much one source can teach, and what blocked payments teach."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.learner import Arrays
from features.windows.row_label import standings
from foundation.refusal import Refusal
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.engine.learners.event_learner import EventLearner
from pipeline.engine.learners.label_learner import LabelLearner
from pipeline.engine.learners.learner import welcome
from pipeline.engine.learners.lessons import Lessons

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MODEL = "- {name: m, kind: river, model: linear_model.LogisticRegression, inputs: [event.amount]"
TEXTS = {
    "schema": "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: u\nfields: {amount: {type: float}}\n"
    "labels: {negative_after: 1d, sources: [chargeback, analyst, other, rule]}\n",
    "features": "- {name: n, template: count, window: 1h}\n",
    "policy": "score: first_ready(m)\nbands: [{below: 0.9, action: approve}, {action: block}]\n",
}
RANKS = {"chargeback": 2, "analyst": 1, "other": 0, "rule": -1}


def release_with(labels: str = "", model: str = MODEL) -> Release:
    return compile_release(1, TEXTS | {"models": model + (f", labels: {labels}" if labels else "") + "}\n"})


class Recorder:
    """Stands for a model: it keeps what it is taught."""

    labelled = True

    def __init__(self) -> None:
        self.taught: list[tuple[float, int, float]] = []

    def learn_many(self, x: NDArray[np.float64], y: NDArray[np.float64] | None, weights: NDArray[np.float64] | None = None) -> None:
        assert y is not None
        assert weights is not None
        self.taught += [(float(row[0]), int(label), float(weight)) for row, label, weight in zip(x, y, weights, strict=True)]

    def state(self) -> Arrays:
        return {}

    def restore(self, state: Arrays) -> None:
        assert not state


def learner_of(labels: str = "") -> tuple[LabelLearner, Recorder]:
    recorder: Any = Recorder()
    return LabelLearner(release_with(labels).models[0], DAY_MS, learner=recorder), recorder


def see(learner: LabelLearner, *numbers: int, share: float = 1.0, at_ms: int = 0) -> None:
    keys = np.array(numbers)
    learner.see(keys, keys, np.full(len(keys), at_ms), keys[:, None].astype(np.float64))
    learner.weigh(keys, np.full(len(keys), share))


def tell(learner: LabelLearner, number: int, label: int, source: str, hour: int = 1, weight: float = 1.0) -> None:
    labels, times_ms = np.array([label], np.int8), np.array([hour * HOUR_MS])
    ranks = np.array([RANKS[source]], np.int8)
    learner.tell(Lessons(np.array([number]), labels, times_ms, standings(labels, times_ms, ranks), np.array([weight])))


def test_a_model_learns_from_its_sources_alone_each_with_its_factor() -> None:
    learner, recorder = learner_of("{sources: {analyst: 0.5, other: 2}, step: 3}")
    see(learner, 1, 2, 3, 4)
    tell(learner, 1, 1, "analyst")
    tell(learner, 2, 1, "chargeback")
    tell(learner, 3, 0, "other", weight=100.0)
    learner.advance(HOUR_MS)
    assert recorder.taught == [(1.0, 1, 0.5), (3.0, 0, 3.0)]


def test_what_another_source_calls_fraud_is_not_taught_as_legitimate_by_silence() -> None:
    learner, recorder = learner_of("{sources: [analyst]}")
    see(learner, 1, 2, 3)
    tell(learner, 1, 1, "chargeback")
    tell(learner, 2, 0, "chargeback")
    learner.advance(DAY_MS)
    assert recorder.taught == [(2.0, 0, 1.0), (3.0, 0, 1.0)]
    tell(learner, 1, 1, "analyst", hour=30)
    learner.advance(30 * HOUR_MS)
    assert recorder.taught[2:] == [(1.0, 1, 1.0)]


@pytest.mark.parametrize("steps", [[30], [24, 30]])
def test_what_another_source_says_after_the_silence_was_due_changes_nothing_however_often_is_taught(steps: list[int]) -> None:
    learner, recorder = learner_of("{sources: [analyst]}")
    see(learner, 1)
    tell(learner, 1, 1, "chargeback", hour=25)
    for hour in steps:
        learner.advance(hour * HOUR_MS)
    assert recorder.taught == [(1.0, 0, 1.0)]


def test_reversed_conflicting_and_repeated_labels_teach_what_changes_and_no_more() -> None:
    learner, recorder = learner_of()
    see(learner, 1, 2, 3)
    tell(learner, 1, 1, "analyst", hour=1)
    tell(learner, 1, 1, "analyst", hour=2)  # repeated: nothing new
    tell(learner, 1, 0, "analyst", hour=3)  # reversed by the same source
    tell(learner, 2, 0, "analyst", hour=4)
    tell(learner, 2, 1, "chargeback", hour=1)  # conflicting: the source that ranks higher stands, whenever it comes
    tell(learner, 3, 1, "rule", hour=1)
    tell(learner, 99, 1, "analyst", hour=1)  # unknown event: nothing
    learner.advance(10 * HOUR_MS)
    assert recorder.taught == [(1.0, 1, 1.0), (2.0, 1, 1.0), (3.0, 1, 1.0), (1.0, 0, 1.0)]


def test_the_silence_after_a_blocked_payment_says_nothing_and_a_label_does() -> None:
    learner, recorder = learner_of()
    see(learner, 1, 2, share=0.0)
    see(learner, 3)
    tell(learner, 2, 1, "analyst", hour=30)
    learner.advance(30 * HOUR_MS)
    assert recorder.taught == [(3.0, 0, 1.0), (2.0, 1, 1.0)]


def test_a_payment_that_passed_by_a_draw_counts_for_all_that_were_blocked() -> None:
    learner, recorder = learner_of()
    see(learner, 1, 2, share=0.05)
    tell(learner, 1, 1, "chargeback")
    learner.advance(DAY_MS)
    assert recorder.taught == [(1.0, 1, 20.0), (2.0, 0, 20.0)]


def test_a_source_teaches_its_share_and_may_use_later_what_it_did_not_use() -> None:
    learner, recorder = learner_of("{share: 1%}")
    for day in range(3):
        numbers = range(1_000 * day, 1_000 * (day + 1))
        see(learner, *numbers, at_ms=day * DAY_MS)
        for number in numbers[: 100 if day != 1 else 0]:
            tell(learner, number, 1, "analyst", hour=24 * day + 1)
        learner.advance((day + 1) * DAY_MS)
    positives = sum(weight for _, label, weight in recorder.taught if label == 1)
    assert 10.0 < positives <= 0.01 * (1_000 + len(recorder.taught))
    assert all(weight == 1.0 for _, label, weight in recorder.taught if label == 0)


def test_what_a_source_may_teach_is_kept_over_a_restart() -> None:
    (one, taught), (two, again) = learner_of("{share: 1%}"), learner_of("{share: 1%}")
    for learner in (one, two):
        see(learner, *range(100))
    for number in range(20):
        tell(one, number, 1, "analyst")
    one.advance(2 * HOUR_MS)
    two.resume(one.state())
    for learner in (one, two):
        tell(learner, 50, 1, "analyst", hour=3)
        tell(learner, 51, 1, "chargeback", hour=3)
        learner.advance(3 * HOUR_MS)
    assert taught.taught[-1:] == again.taught == [(51.0, 1, 1.0)]


@pytest.mark.parametrize("share", ["", "{share: 1.5%}"])
def test_poisoned_labels_do_little_where_a_source_is_bounded(share: str) -> None:
    """One source reports honest frauds, another calls two fifths of all cheap payments fraud; the model ranks by the amount."""
    model = release_with(share).models[0]
    honest, poisoned = LabelLearner(model, DAY_MS), LabelLearner(model, DAY_MS)
    draw = np.random.default_rng(4)
    for day in range(20):
        keys = np.arange(400) + 400 * day
        fraud = draw.random(400) < 0.01
        amounts = np.where(fraud, draw.normal(3.0, 1.0, 400), draw.normal(0.0, 1.0, 400))
        lied = ~fraud & (amounts < 0.0) & (draw.random(400) < 0.4)
        for learner in (honest, poisoned):
            learner.see(keys, keys, np.full(400, day * DAY_MS), amounts[:, None])
            for key in keys[fraud]:
                tell(learner, int(key), 1, "chargeback", hour=24 * day + 2)
        for key in keys[lied]:
            tell(poisoned, int(key), 1, "other", hour=24 * day + 3)
        for learner in (honest, poisoned):
            learner.advance((day + 1) * DAY_MS)
    cheap, dear = np.array([[-2.0]]), np.array([[4.0]])
    gap = [float(each.learner.score_many(dear)[0] - each.learner.score_many(cheap)[0]) for each in (honest, poisoned)]
    kept = gap[1] / gap[0]
    assert kept > 0.35 if share else kept < 0.0  # unbounded, the lies turn the order of payments round


@pytest.mark.parametrize(
    ("added", "what"),
    [
        ("labels: {sources: [analist]}", "did you mean analyst"),
        ("labels: {sources: [analyst, analyst]}", "source named twice"),
        ("labels: {sources: []}", "no source"),
        ("labels: {sources: {analyst: 0}}", "not in range"),
        ("labels: {share: 200%}", "not a share"),
        ("labels: {step: 0}", "not in range"),
        ("labels: {weight: 2}", "unknown field"),
        ("learns_from: approved", "does not learn from all"),
    ],
)
def test_what_cannot_be_is_refused(added: str, what: str) -> None:
    with pytest.raises(Refusal, match=what):
        release_with(model=f"{MODEL}, {added}")


def test_suspicious_events_do_not_become_normal_where_the_model_says_so() -> None:
    shape = "- {name: m, kind: river, model: anomaly.HalfSpaceTrees, inputs: [event.amount]"
    actions = np.array([0, 1, 2, 0], np.uint8)
    for added, expected in (("", [True] * 4), (", learns_from: approved", [True, False, False, True])):
        learner = EventLearner(release_with(model=shape + added).models[0])
        assert welcome(learner, actions).tolist() == expected
    with pytest.raises(Refusal, match="labels of a model that learns from events"):
        release_with("{share: 1%}", model=shape)
