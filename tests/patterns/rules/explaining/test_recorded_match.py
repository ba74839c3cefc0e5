"""The steps that took the events of a recorded match are found without what the events were."""

import itertools
import random

import pytest
from rule_scope import reading_of

from patterns.language.pattern import Step
from patterns.rules.explaining.recorded_match import steps_of_match


def steps_with(*times: str) -> list[Step]:
    """Steps a, b, … of one condition with these `times`; a question mark makes one optional."""
    lines = [
        f"    - {{name: {name}, when: event.amount > 1.0, times: {each.rstrip('?')}, optional: {str(each.endswith('?')).lower()}}}"
        for name, each in zip("abcdef", times, strict=False)
    ]
    rule = "\n".join(["title: Steps", "owner: tests", "sequence:", "  within: 1h", "  steps:", *lines])
    sequence = reading_of(rule).patterns["rule"].sequence
    assert sequence is not None
    return [*sequence.steps]


@pytest.mark.parametrize(
    ("times", "events", "taken"),
    [
        (("2", "1"), 3, [0, 0, 1]),
        (("3+", "1"), 5, [0, 0, 0, 0, 1]),
        (("20+", "1"), 9, [0] * 8 + [1]),  # a record lists eight events of a step
        (("1", "1?", "1"), 2, [0, 2]),
        (("1", "1?", "1"), 3, [0, 1, 2]),
        (("1", "2..3"), 4, [0, 1, 1, 1]),
    ],
)
def test_the_numbers_of_events_alone_tell_the_steps_where_they_can(times: tuple[str, ...], events: int, taken: list[int]) -> None:
    assert steps_of_match(steps_with(*times), [[True] * len(times)] * events) == taken


def test_what_is_known_of_an_event_keeps_a_step_from_taking_it() -> None:
    assert steps_of_match(steps_with("1+", "1+"), [[True, True], [False, True], [True, True]]) == [0, 1, 1]


def test_events_that_the_steps_cannot_have_taken_have_no_answer() -> None:
    assert steps_of_match(steps_with("1", "1"), [[True, True]] * 3) is None
    assert steps_of_match(steps_with("1", "1"), [[True, False]] * 2) is None


def test_whatever_steps_took_the_answer_gives_each_event_to_one_that_may_have_taken_it() -> None:
    steps, chosen = steps_with("1+", "1..2", "1?", "2+"), random.Random(3)
    for counts in itertools.product(range(1, 4), range(1, 3), range(2), range(2, 4)):
        real = [step for step, count in enumerate(counts) for _ in range(count)]
        possible = [[step == own or chosen.random() < 0.5 for step in range(4)] for own in real]
        found = steps_of_match(steps, possible)
        assert found is not None
        assert all(possible[event][step] for event, step in enumerate(found))
        assert found == sorted(found)
