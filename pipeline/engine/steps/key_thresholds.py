"""The stage of an entity says what its learned thresholds are, and lets it learn from each event before the next one.

That stage hears nothing of decisions: so an event teaches whatever comes of it, no value counting above the threshold.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.snapshot import snapshot_key
from features.profiles.profiles import Profiles
from patterns.thresholds.entity_level import look_and_learn
from patterns.thresholds.threshold import SEEN, Asked, Threshold
from pipeline.engine.steps.installed_snapshots import InstalledSnapshots
from pipeline.engine.steps.threshold_step import tables_of


def look_at_keys(
    thresholds: Sequence[Threshold],
    asked: Sequence[Asked],
    profiles: Profiles,
    slots: NDArray[np.int64],
    times_ms: NDArray[np.int64],
    teaches: NDArray[np.bool_],
    snapshots: InstalledSnapshots,
    moments: NDArray[np.int64] | None,
) -> NDArray[np.float64]:
    """Returns [n, thresholds * SEEN] what was known of the entity of each of n events, see `patterns.thresholds.entity_level.look`.

    Args:
        teaches: [n] which events the entities learn from; others are looked at alone.
        moments: [n] up to which snapshots count for each event; None: the newest for all.
    """
    out = np.empty((len(slots), SEEN * len(thresholds)))
    for place, (threshold, own) in enumerate(zip(thresholds, asked, strict=True)):
        known = snapshots.of(snapshot_key(threshold.name, threshold.definition), moments)
        words, first = profiles.section(threshold.section), SEEN * place
        for table, at in tables_of(known, len(slots)):
            cohorts = table.rows_of(own.cohorts[at])
            event = (slots[at], own.values[at], times_ms[at], cohorts)
            out[at, first : first + SEEN] = look_and_learn(words, *event, table, threshold.bounds, teaches[at])
    return out
