"""What decisions say of the learned thresholds that their events were compared with."""

from collections.abc import Iterable
from itertools import repeat

import msgspec
import numpy as np

from patterns.thresholds.threshold import OWN_SPREAD, SPREAD, THRESHOLD, USUAL, VALUE, WEIGHT
from pipeline.engine.decisions.verdicts import Verdicts


class LookedUp(msgspec.Struct, gc=False, omit_defaults=True):
    """A learned threshold as it was before the event; numbers that nobody knows are null.

    Args:
        value: the number of the event that is compared with it.
        threshold: what the declared share of events of its kind exceed; null while too little is known: then conditions that read it lack
            a value.
        usual: what is usual for the entity, drawn to its cohort's where the entity has had few events.
        spread: how far its values usually lie from that.
        weight: how many events the entity has had, of which older ones count less.
        own_spread: the spread of its own values alone; null below two.
        cohort: that of the event; null where it has none.
        snapshot: the number of the snapshot that says what cohorts have taught; null before the first.
    """

    value: float
    threshold: float | None
    usual: float | None
    spread: float | None
    weight: float
    own_spread: float | None
    cohort: str | None = None
    snapshot: int | None = None


_SAID = [VALUE, THRESHOLD, USUAL, SPREAD, WEIGHT, OWN_SPREAD]
_NOTHING: dict[str, LookedUp] = {}


def looked_up(verdicts: Verdicts) -> Iterable[dict[str, LookedUp]]:
    """Returns for each event its thresholds by name, those of which it has a value."""
    if not verdicts.thresholds:
        return repeat(_NOTHING)
    said: list[dict[str, LookedUp]] = [{} for _ in verdicts.scores]
    for name, looked in verdicts.thresholds.items():
        rows = np.flatnonzero(~np.isnan(looked[:, VALUE])).tolist()
        each = list(map(LookedUp, *looked[:, _SAID].T.tolist(), verdicts.cohorts[name].tolist(), _numbers_of(verdicts, name)))
        for row in rows:
            said[row][name] = each[row]
    return said


def _numbers_of(verdicts: Verdicts, name: str) -> Iterable[int | None]:
    snapshots = verdicts.snapshots.get(name)
    return repeat(None) if snapshots is None else snapshots.numbers()
