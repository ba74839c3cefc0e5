"""Detectors with state for each key: what they say of new events of these keys."""

import numpy as np
from numpy.typing import NDArray

from detectors.keyed.category_counts import NOBODY
from detectors.keyed.category_surprise import CategorySurprise
from features.layout.layout import CORRECTED, DUPLICATE, ID_REUSED, RETRACTED, TOO_FAR_BACK, TOO_LATE, TOO_OFTEN, UNKNOWN
from features.profiles.profiles import Profiles
from pipeline.engine.decisions.outcome_words import common_flags
from pipeline.engine.decisions.snapshots_of_rows import SnapshotsOfRows
from pipeline.engine.definitions.model import Model

_NOT_NEW = DUPLICATE | ID_REUSED | TOO_LATE | UNKNOWN | TOO_FAR_BACK | TOO_OFTEN | CORRECTED | RETRACTED


def score_keyed(
    model: Model,
    profiles: Profiles,
    slots: NDArray[np.int64],
    inputs: NDArray[np.float64],
    flags: NDArray[np.uint16],
    population: SnapshotsOfRows | None = None,
) -> NDArray[np.float64]:
    """What the detector of `model` says of new events [n, `model.said`], from which it learns; of others NaN.

    It has learned a corrected event as it was, and can neither forget nor judge it.

    Args:
        slots: [n] of the events' keys in `profiles`, which have the model's section.
        inputs: [n, inputs of the model].
        flags: [n] what became of the events in these profiles.
        population: the snapshots of what is usual of all keys, for each event; None: none is known, or the detector asks for none.
    """
    words = profiles.section(model.section)
    if not common_flags(flags) & _NOT_NEW:  # nearly always
        raw = np.empty((len(inputs), model.said))
        _score_learn(model, words, slots, inputs, raw, population)
        return raw
    raw = np.full((len(inputs), model.said), np.nan)
    fresh = (flags & _NOT_NEW) == 0
    scores = np.empty((int(fresh.sum()), model.said))
    _score_learn(model, words, slots[fresh], inputs[fresh], scores, population and population.at(np.flatnonzero(fresh)))
    raw[fresh] = scores
    return raw


def _score_learn(
    model: Model,
    words: NDArray[np.float64],
    slots: NDArray[np.int64],
    inputs: NDArray[np.float64],
    out: NDArray[np.float64],
    population: SnapshotsOfRows | None,
) -> None:
    assert model.keyed is not None
    if population is None or not isinstance(model.keyed, CategorySurprise) or not len(slots):
        values, said = (inputs[:, 0], out[:, 0]) if model.said == 1 else (inputs, out)
        model.keyed.score_learn_many(words, slots, values, said)
        return
    for each, at in population.populations(len(slots)):
        model.keyed.score_learn_among(words, slots[at], inputs[at, 0], out[at, 0], NOBODY if each is None else each)
