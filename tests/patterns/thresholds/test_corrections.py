"""Labels take events out of what is usual and put them back, exactly, and only for events that may see them."""

import numpy as np
import pytest
from example_counts import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from patterns.thresholds import corrections, entity_level
from patterns.thresholds.corrections import WAITING, correct, note_labels
from patterns.thresholds.entity_level import learn

HALF_LIFE_MS = 50_000.0
FRAUD, LEGITIMATE = 1, 0


class Entity:
    """One entity's level and its labels."""

    def __init__(self) -> None:
        self.level = np.zeros((1, entity_level.WIDTH))
        self.words = np.zeros((1, corrections.WIDTH), np.int64)

    def teach(self, *events: tuple[int, float]) -> None:
        """Teaches values at times in seconds."""
        for at_s, value in events:
            one = np.zeros(1, np.int64), np.array([value]), np.array([at_s * 1_000])
            learn(self.level, *one, np.array([np.nan]), HALF_LIFE_MS)

    def label(self, at_s: int, value: float, label: int, visible_s: int, taught: bool = True, rank: int = 0) -> None:
        """Says what the event at `at_s` was."""
        event = np.array([at_s * 1_000]), np.array([at_s]), np.array([value])
        what = np.array([taught]), np.array([label], np.int8), np.array([visible_s * 1_000]), np.array([rank], np.int8)
        note_labels(self.words, np.zeros(1, np.int64), *event, *what)

    def see(self, at_s: int) -> np.ndarray:
        """Lets an event at `at_s` see the labels, and returns the level."""
        row = np.zeros(1, np.int64)
        correct(self.level, row, self.words, row, np.array([at_s * 1_000]), HALF_LIFE_MS)
        return self.level[0, :3].copy()


def taught(*events: tuple[int, float]) -> np.ndarray:
    """The level of an entity that learned these alone, decayed to the same moment as one that learned the last event too."""
    entity = Entity()
    entity.teach(*events)
    return entity.level[0, :3].copy()


values = st.floats(-1e3, 1e3, allow_nan=False)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), values), min_size=2, max_size=10), st.data())
def test_an_event_that_was_fraud_leaves_what_the_others_alone_would_have_taught(gaps: list[tuple[int, float]], data: st.DataObject) -> None:
    times = np.cumsum([gap for gap, _ in gaps]).tolist()
    events = [(at, value) for at, (_, value) in zip(times, gaps, strict=True)]
    out = data.draw(st.integers(0, len(events) - 2))  # the last event stays, so that both have decayed to its time
    entity = Entity()
    entity.teach(*events)
    whole = entity.level[0, :3].copy()
    entity.label(*events[out], FRAUD, 200)
    assert entity.see(199) == pytest.approx(whole)  # no event before the label's time sees it
    assert entity.see(200) == pytest.approx(taught(*events[:out], *events[out + 1 :]), rel=1e-9, abs=1e-6)
    entity.label(*events[out], LEGITIMATE, 300)
    assert entity.see(300) == pytest.approx(whole, rel=1e-9, abs=1e-6)


def test_an_event_that_was_held_back_counts_once_it_is_said_to_be_legitimate() -> None:
    entity = Entity()
    entity.teach((1, 10.0), (9, 20.0))
    entity.label(5, 40.0, LEGITIMATE, 10, taught=False)
    assert entity.see(10) == pytest.approx(taught((1, 10.0), (5, 40.0), (9, 20.0)))


def test_of_several_labels_the_one_of_the_greatest_rank_stands_in_whatever_order_they_come() -> None:
    for first, second in (((FRAUD, 1), (LEGITIMATE, 0)), ((LEGITIMATE, 0), (FRAUD, 1))):
        entity = Entity()
        entity.teach((1, 10.0), (5, 500.0), (9, 20.0))
        entity.label(5, 500.0, first[0], 10, rank=first[1])
        entity.see(10)
        entity.label(5, 500.0, second[0], 11, rank=second[1])
        assert entity.see(11) == pytest.approx(taught((1, 10.0), (9, 20.0)))


def test_a_label_that_comes_twice_counts_once() -> None:
    entity = Entity()
    entity.teach((1, 10.0), (5, 500.0), (9, 20.0))
    for _ in range(2):
        entity.label(5, 500.0, FRAUD, 10)
        found = entity.see(10)
        entity.label(5, 500.0, FRAUD, 10)
    assert found == pytest.approx(taught((1, 10.0), (9, 20.0)))


def test_the_only_event_leaves_nothing_when_it_goes() -> None:
    entity = Entity()
    entity.teach((1, 10.0))
    entity.label(1, 10.0, FRAUD, 2)
    assert entity.see(2).tolist() == [0.0, 0.0, 0.0]


def test_beyond_the_bound_labels_that_wait_go_by_their_time_and_those_that_stand_by_that_of_their_events() -> None:
    entity = Entity()
    events = [(at, float(at)) for at in range(1, WAITING + 3)]
    entity.teach(*events)
    for place, each in enumerate(events[: WAITING + 1]):
        entity.label(*each, FRAUD, 100 + place)  # the last one pushes out the first
    left = (events[0], events[-1])
    assert entity.see(200) == pytest.approx(taught(*left), abs=1e-6)
    entity.label(*events[-1], FRAUD, 300)
    entity.see(300)
    entity.label(*events[1], LEGITIMATE, 400)  # its label of fraud stands no more: it is taken for a confirmation
    assert entity.see(400) == pytest.approx(np.array([1.0, 1.0, 0.0]) * [2.0 ** -((events[-1][0] - 1) / 50.0), 1.0, 1.0], abs=1e-6)
