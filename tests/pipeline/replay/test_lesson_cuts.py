"""Batches of a replay end before the first event that may see a label of an event among them."""

import numpy as np

from pipeline.replay.lesson_cuts import LessonCuts


def test_a_batch_ends_before_the_first_event_that_sees_a_label_of_one_of_its_events() -> None:
    cuts = LessonCuts(np.arange(0, 100, 10), np.array([7, 1, -1, 2]), np.array([80, 35, 0, 900]))
    assert [cuts.end_of(0, 10), cuts.end_of(1, 3), cuts.end_of(2, 10), cuts.end_of(8, 10)] == [4, 3, 8, 10]


def test_a_label_of_the_time_of_its_event_is_told_behind_it() -> None:
    cuts = LessonCuts(np.array([5, 5, 5, 6]), np.array([1]), np.array([5]))
    assert [cuts.end_of(0, 4), cuts.end_of(2, 4)] == [2, 4]
