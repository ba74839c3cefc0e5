import numpy as np
import pytest

from pipeline.engine.definitions.release import Release, compile_release
from pipeline.learning.trainer import REPLACED_KEPT, ServedDecision, Trainer
from pipeline.score_job.labels import ResolvedLabel

WEEK_MS = 7 * 86_400_000
TEXTS = {
    "schema": (
        "id: {field: id, type: integer}\ntime: {field: at, unit: ms}\nuser: u\nentities: []\n"
        "fields:\n  amount: {type: decimal, retain: true}\nlabels: {negative_after: 7d}\n"
    ),
    "features": "- {name: count_1h, template: count, window: 1h}\n",
    "models": (
        "- {name: shape, kind: river, model: anomaly.HalfSpaceTrees, scope: global, inputs: [event.amount]}\n"
        "- {name: fraud, kind: river, model: linear_model.LogisticRegression, scope: global, learns: labels, inputs: [event.amount]}\n"
    ),
    "policy": "score: first_ready(fraud, shape)\nbands: [{below: 0.5, action: approve}, {action: review}]\nfallback: {action: approve}\n",
}


@pytest.fixture(scope="module")
def release() -> Release:
    return compile_release(1, TEXTS)


def trainer_of(release: Release) -> Trainer:
    made = Trainer()
    made.change(release)
    return made


def decide(trainer: Trainer, *numbers: int, time_ms: int = 0, refill: bool = False) -> None:
    made = [ServedDecision(str(n), time_ms + n, "u", {"amount": float(n)}, {"count_1h": 1.0}, 1) for n in numbers]
    trainer.decide(made, np.array(numbers, np.int64), refill)


def label(trainer: Trainer, number: int, value: int = 1) -> None:
    trainer.label(ResolvedLabel(str(number), number, number, value, number + 10, "u", {"count_1h": 1.0}, {"amount": float(number)}))


def lessons(trainer: Trainer) -> list[list[int]]:
    """Events that the unsupervised model saw; positives and negatives that the labelled one was taught."""
    trainer.advance()
    return [each.state()["lessons"].tolist() for each in trainer.learners]


def test_a_repeat_is_taught_once_and_counted(release: Release) -> None:
    trainer = trainer_of(release)
    decide(trainer, 1, 2, 2)
    decide(trainer, 1)
    assert lessons(trainer)[0] == [2]
    assert trainer.repeats == 2


def test_a_corrected_event_is_taught_once_as_it_first_came(release: Release) -> None:
    trainer, plain = trainer_of(release), trainer_of(release)
    for each in (trainer, plain):
        decide(each, 1, 2)
    corrections = [ServedDecision(id, 1, "u", {"amount": 900.0}, {"count_1h": 1.0}, 1, revision) for id, revision in (("1", 1), ("9", 2))]
    trainer.decide(corrections, np.array([1, 9], np.int64))
    for each in (trainer, plain):
        label(each, 1)
        decide(each, 3, time_ms=WEEK_MS + 10)
    assert lessons(trainer) == lessons(plain) == [[3], [1, 1]]
    assert trainer.states(1) == plain.states(1)


def test_a_label_that_overtakes_its_decision_is_taught_once_and_never_as_negative(release: Release) -> None:
    trainer = trainer_of(release)
    label(trainer, 1)
    decide(trainer, 1, 2)
    decide(trainer, 3, time_ms=WEEK_MS + 10)
    assert lessons(trainer)[1] == [1, 1]


def test_what_is_read_again_after_a_restart_waits_and_is_not_taught(release: Release) -> None:
    before = trainer_of(release)
    decide(before, 1, 2, 100)
    label(before, 1)
    taught = lessons(before)
    after = trainer_of(release)
    after.resume(before.states(1), before.clock_ms)
    decide(after, 1, 2, 100, refill=True)
    label(after, 1)
    after.refilled()
    assert lessons(after) == taught
    decide(after, 101, time_ms=WEEK_MS)
    assert lessons(after) == [[4], [1, 2]]


def test_states_give_the_snapshots_that_were_published(release: Release) -> None:
    before = trainer_of(release)
    decide(before, *range(1, 300))
    before.advance()
    states = before.states(4)
    after = trainer_of(release)
    after.resume(states, before.clock_ms)
    assert [each.encode() for each in after.snapshots(4)] == [each.encode() for each in before.snapshots(4)]
    assert len(before.snapshots(4)) == 1


def test_a_longer_time_between_snapshots_stops_none_and_their_numbers_go_on_growing(release: Release) -> None:
    trainer = trainer_of(release)  # once an hour
    decide(trainer, 1, time_ms=WEEK_MS)
    published = trainer.due(0, 0), trainer.clock_ms
    assert trainer.due(*published) is None
    daily = TEXTS["models"].replace("scope: global,", "scope: global, publish_every: 1d,")
    trainer.change(compile_release(2, TEXTS | {"models": daily}))
    decide(trainer, 2, time_ms=WEEK_MS + 7_200_000)
    assert trainer.due(*published) is None
    decide(trainer, 3, time_ms=WEEK_MS + WEEK_MS // 7)
    assert trainer.due(*published) == published[0] + 1


def test_a_label_teaches_the_event_of_its_own_user_and_not_anothers_with_the_same_id(release: Release) -> None:
    crossed, apart = trainer_of(release), trainer_of(release)
    for each, other in ((crossed, "1"), (apart, "2")):
        payments = (("1", "u", 5.0), (other, "v", 90.0))
        served = [ServedDecision(id, 1, user, {"amount": amount}, {"count_1h": amount}, 1) for id, user, amount in payments]
        each.decide(served, np.array([int(decision.event_id) for decision in served], np.int64))
        each.label(ResolvedLabel("1", 1, 1, 1, 2, "u", {"count_1h": 5.0}, {"amount": 5.0}))
        decide(each, 3, time_ms=WEEK_MS + 10)
        each.advance()
    assert crossed.repeats == 0
    assert lessons(crossed) == lessons(apart)
    assert crossed.states(1) == apart.states(1)


def other(seed: int) -> Release:
    """A release whose model `shape` has another definition for each seed."""
    return compile_release(
        9,
        TEXTS
        | {"models": TEXTS["models"].replace("inputs: [event.amount]}", f"inputs: [event.amount], parameters: {{seed: {seed}}}}}", 1)},
    )


def test_a_definition_that_comes_back_goes_on_from_what_was_learned_for_it(release: Release) -> None:
    trainer = trainer_of(release)
    decide(trainer, *range(1, 300))
    trainer.advance()
    before = [each.encode() for each in trainer.snapshots(4)]
    trainer.change(other(1))
    assert [each.model for each in trainer.snapshots(4)] == []
    trainer.change(release)
    assert [each.encode() for each in trainer.snapshots(4)] == before
    decide(trainer, 300)
    assert lessons(trainer)[0] == [300]


def test_a_definition_that_comes_back_after_a_restart_goes_on_too(release: Release) -> None:
    before = trainer_of(release)
    decide(before, *range(1, 300))
    before.advance()
    published = [each.encode() for each in before.snapshots(4)]
    before.change(other(1))
    after = trainer_of(other(1))
    after.resume(before.states(4), before.clock_ms)
    assert after.states(4) == before.states(4)
    after.change(release)
    assert [each.encode() for each in after.snapshots(4)] == published


@pytest.mark.slow
def test_so_many_replaced_definitions_of_a_model_are_kept_and_the_rest_is_dropped(release: Release) -> None:
    trainer = trainer_of(release)
    decide(trainer, 1)
    keys = [next(key for key in trainer.states(1) if key.startswith("shape/"))]
    for seed in range(100):
        trainer.change(other(seed))
        keys.append(list(trainer.states(1))[-2])
    states = [key for key in trainer.states(1) if key.startswith("shape/")]
    assert states == keys[-REPLACED_KEPT - 1 :]


def test_states_that_an_older_version_kept_by_the_names_of_models_are_taken_up(release: Release) -> None:
    before, after = trainer_of(release), trainer_of(release)
    decide(before, 1, 2, 3)
    after.resume({key.partition("/")[0]: state for key, state in before.states(1).items()}, before.clock_ms)
    assert after.states(1) == before.states(1)


def tell(trainer: Trainer, label: int, label_time: int, source: str = "", weight: float = 1.0) -> None:
    trainer.label(ResolvedLabel("1", 1, 1, label, label_time, "u", {"count_1h": 1.0}, {"amount": 1.0}, source=source, weight=weight))


def test_a_later_label_of_a_lower_source_teaches_nothing_and_an_earlier_of_a_higher_one_corrects(release: Release) -> None:
    for first, then, corrected in (("chargeback", "analyst", 0), ("analyst", "chargeback", 1)):
        trainer = trainer_of(release)
        decide(trainer, 1)
        tell(trainer, 1, 2_000, first)
        decide(trainer, 2, time_ms=3_000)
        assert lessons(trainer)[1] == [1, 0]
        tell(trainer, 0, 1_000 if corrected else 2_500, then)
        assert lessons(trainer)[1] == [1, corrected]


def test_the_weight_of_a_label_is_the_weight_of_its_lesson(release: Release) -> None:
    def intercept(weight: float) -> float:
        trainer = trainer_of(release)
        decide(trainer, 1)
        tell(trainer, 1, 2, weight=weight)
        decide(trainer, 2, time_ms=10)
        trainer.advance()
        return float(trainer.learners[1].state()["running"][0])

    assert intercept(1.0) > 0.0
    assert intercept(3.0) == pytest.approx(3.0 * intercept(1.0))
