"""What events taught the learned thresholds of their users, or would have taught: labels carry it to the profiles."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.profiles.profiles import Profiles
from patterns.thresholds.corrections import note_labels
from patterns.thresholds.threshold import THRESHOLD, VALUE
from pipeline.engine.decisions.verdicts import REVISED, UNDECIDED, Verdicts
from pipeline.engine.definitions.release import Release
from pipeline.engine.steps.threshold_step import teaches


class ThresholdLessons(NamedTuple):
    """Holds the lessons of n labelled events.

    Args:
        values: by the section of each threshold, [n] what the event taught, or would have; NaN where it had nothing to say.
        taught: [n] whether it did.
    """

    values: Mapping[str, NDArray[np.float64]]
    taught: NDArray[np.bool_]

    def at(self, rows: NDArray[np.int64]) -> "ThresholdLessons":
        """Returns those of some events."""
        return ThresholdLessons({name: values[rows] for name, values in self.values.items()}, self.taught[rows])


def lessons_of(named: Sequence[Mapping[str, float]], taught: Sequence[bool]) -> ThresholdLessons:
    """Returns the lessons of events that name what they taught by the section of each threshold."""
    sections = dict.fromkeys(section for each in named for section in each)
    values = {section: np.array([each.get(section, np.nan) for each in named]) for section in sections}
    return ThresholdLessons(values, np.array(taught, np.bool_))


class LessonBook:
    """Remembers what the events of a history taught, for labels that come later. It takes 8 bytes a threshold and event.

    Args:
        events: their number.
    """

    def __init__(self, release: Release, events: int) -> None:
        self._names = {each.name: each.section for each in release.rules.thresholds if each.is_corrected}
        count = events if self._names else 0
        self._all = ThresholdLessons({section: np.full(count, np.nan) for section in self._names.values()}, np.zeros(count, np.bool_))

    @property
    def is_kept(self) -> bool:
        """Whether anything is learned that labels may change."""
        return bool(self._names)

    def write(self, rows: NDArray[np.int64], verdicts: Verdicts) -> None:
        """Notes the events at `rows`, just decided. One that is corrected teaches nothing more, as a decision on it does not."""
        if not self._names:
            return
        decided, revised = ~verdicts.are(UNDECIDED | REVISED), verdicts.are(REVISED)
        for name, section in self._names.items():
            looked = verdicts.thresholds[name]
            self._all.values[section][rows[decided]] = np.fmin(looked[:, VALUE], _ceiling(looked))[decided]
            self._all.values[section][rows[revised]] = np.nan
        self._all.taught[rows[decided]] = teaches(verdicts)[decided]

    def of(self, rows: NDArray[np.int64]) -> ThresholdLessons | None:
        """Returns what the events at `rows` taught; None where nothing is learned."""
        return self._all.at(rows) if self._names else None


def _ceiling(looked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns [n] what a value counts as at most: its threshold; where there was none, the value itself."""
    return np.where(np.isnan(looked[:, THRESHOLD]), looked[:, VALUE], looked[:, THRESHOLD])


def note_lessons(
    release: Release,
    profiles: Profiles,
    slots: NDArray[np.int64],
    lessons: ThresholdLessons,
    event_times_ms: NDArray[np.int64],
    id_keys: NDArray[np.int64],
    labels: NDArray[np.int8],
    visible_ms: NDArray[np.int64],
    ranks: NDArray[np.int8],
) -> None:
    """Lets the users at `slots` know what labels say of events that taught their thresholds, for events from `visible_ms` on."""
    for threshold in release.rules.thresholds:
        values = lessons.values.get(threshold.section)
        known = np.flatnonzero(~np.isnan(values)) if threshold.is_corrected and values is not None else np.zeros(0, np.int64)
        if values is None or not len(known):
            continue
        rows = profiles.section_rows(threshold.corrections, slots[known], make=True)
        words = profiles.section(threshold.corrections).view(np.int64)
        event = (event_times_ms[known], id_keys[known], values[known], lessons.taught[known])
        note_labels(words, rows, *event, labels[known], visible_ms[known], ranks[known])
