"""The third step says what each event's learned thresholds are; the sixth lets users learn from what was approved.

Those of other keys are looked at and learned by the stage of that entity (`pipeline.engine.steps.key_thresholds`).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from detectors.snapshot import snapshot_key
from features.layout.layout import RETRACTED
from features.profiles.profiles import Profiles
from patterns.policy import ACTIONS, DECIDERS
from patterns.thresholds.corrections import correct
from patterns.thresholds.entity_level import learn, look
from patterns.thresholds.tail_table import NOTHING_KNOWN, TailTable
from patterns.thresholds.threshold import COHORT, LOOKED, SEEN, THRESHOLD, VALUE, WEIGHT, Asked, Threshold
from pipeline.engine.decisions.snapshots_of_rows import SnapshotsOfRows
from pipeline.engine.decisions.verdicts import REVISED, UNDECIDED, Verdicts
from pipeline.engine.definitions.release import Release
from pipeline.engine.steps.installed_snapshots import InstalledSnapshots
from pipeline.engine.steps.sight import sight_of
from pipeline.engine.steps.step import Turn

_LOOK_NS, _LEARN_NS = 200.0, 60.0


class ThresholdStep:
    """Fills what is known of each threshold before the event; nothing is learned here. A release without thresholds costs nothing.

    Args:
        snapshots: what cohorts have taught.
    """

    name = "thresholds"
    reads: tuple[str, ...] = ("features", "flags", "models", "probabilities")
    fills: tuple[str, ...] = ("thresholds", "cohorts", "snapshots")

    def __init__(self, snapshots: InstalledSnapshots) -> None:
        self._snapshots = snapshots

    def cost_ns(self, release: Release) -> float:
        return _LOOK_NS * len(release.rules.thresholds)

    def run(self, turn: Turn, verdicts: Verdicts) -> None:
        rules = verdicts.release.rules
        if not rules.thresholds:
            return
        for threshold, asked in zip(rules.thresholds, rules.ask_thresholds(sight_of(turn, verdicts)), strict=True):
            if verdicts.any_are(UNDECIDED | RETRACTED):
                asked.values[verdicts.are(UNDECIDED | RETRACTED)] = np.nan
            verdicts.thresholds[threshold.name] = self._look(threshold, asked, turn, verdicts)
            verdicts.cohorts[threshold.name] = asked.texts

    def _look(self, threshold: Threshold, asked: Asked, turn: Turn, verdicts: Verdicts) -> NDArray[np.float64]:
        snapshots = self._snapshots.of(snapshot_key(threshold.name, threshold.definition), turn.snapshots)
        if snapshots is not None:
            verdicts.snapshots[threshold.name] = snapshots
        looked = np.empty((len(turn.batch), LOOKED))
        if threshold.name in turn.answers.looked:
            looked[:, :SEEN] = _answered(turn.answers.looked[threshold.name], asked)
        else:
            correct_levels(threshold, turn.profiles, turn.slots, turn.batch.times_ms)
            words, times_ms = turn.profiles.section(threshold.section), turn.batch.times_ms
            for table, at in tables_of(snapshots, len(looked)):
                cohorts = table.rows_of(asked.cohorts[at])
                looked[at, :SEEN] = look(words, turn.slots[at], asked.values[at], times_ms[at], cohorts, table, threshold.bounds)
        looked[:, VALUE] = asked.values
        looked[:, COHORT] = asked.cohorts.view(np.float64)
        return looked


def correct_levels(threshold: Threshold, profiles: Profiles, slots: NDArray[np.int64], times_ms: NDArray[np.int64]) -> None:
    """Lets users' levels know the labels that events at `times_ms` may see; each user stands once among `slots`."""
    rows = profiles.section_rows(threshold.corrections, slots)
    if len(rows) and rows.max() >= 0:
        words = profiles.section(threshold.corrections).view(np.int64)
        correct(profiles.section(threshold.section), slots, words, rows, times_ms, threshold.bounds.half_life_ms)


def tables_of(snapshots: SnapshotsOfRows | None, n: int) -> Iterator[tuple[TailTable, slice]]:
    """Cuts n events into runs of those for which the same table counts, in their order; where none does, nothing is known."""
    if n and snapshots is None:
        yield NOTHING_KNOWN, slice(0, n)
    elif n and snapshots is not None:
        for table, rows in snapshots.tables(n):
            yield NOTHING_KNOWN if table is None else table, rows


def _answered(answers: NDArray[np.float64], asked: Asked) -> NDArray[np.float64]:
    """Returns what entities of another key know. Of an event whose entity is not there, or has not answered, nothing is said."""
    asked.values[np.isnan(answers[:, WEIGHT])] = np.nan
    return np.where(np.isnan(asked.values)[:, None], np.nan, answers)


class LessonStep:
    """Lets each user learn the values of events that were approved, none above its threshold.

    An event that was to be reviewed or blocked teaches nothing, and neither does one that was decided while the score was bypassed, since
    nobody judged it. Each event teaches once; a label that comes later takes it out, or puts it in (`patterns.thresholds.corrections`).
    """

    name = "lessons"
    reads: tuple[str, ...] = ("thresholds", "flags", "actions", "deciders")
    fills: tuple[str, ...] = ()

    def cost_ns(self, release: Release) -> float:
        return _LEARN_NS * len(release.rules.thresholds)

    def run(self, turn: Turn, verdicts: Verdicts) -> None:
        own = [each for each in verdicts.release.rules.thresholds if each.key == verdicts.release.schema.user]
        if not own:
            return
        rows = np.flatnonzero(teaches(verdicts))
        slots, times_ms = turn.slots[rows], turn.batch.times_ms[rows]
        for threshold in own:
            looked = verdicts.thresholds[threshold.name]
            words = turn.profiles.section(threshold.section)
            learn(words, slots, looked[rows, VALUE], times_ms, looked[rows, THRESHOLD], threshold.bounds.half_life_ms)


def teaches(verdicts: Verdicts) -> NDArray[np.bool_]:
    """Tells [n] which events teach their users."""
    judged = (verdicts.actions == ACTIONS.index("approve")) & (verdicts.deciders != DECIDERS.index("bypass"))
    taught: NDArray[np.bool_] = judged & ~verdicts.are(UNDECIDED | REVISED)
    return taught
