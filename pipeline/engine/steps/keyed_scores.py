"""Detectors with state for each key: the scores that they give to new events of these keys."""

import numpy as np
from numpy.typing import NDArray

from features.layout.layout import CORRECTED, DUPLICATE, ID_REUSED, RETRACTED, TOO_FAR_BACK, TOO_LATE, TOO_OFTEN, UNKNOWN
from features.profiles.profiles import Profiles
from pipeline.engine.decisions.outcome_words import common_flags
from pipeline.engine.definitions.models import Model

_NOT_NEW = DUPLICATE | ID_REUSED | TOO_LATE | UNKNOWN | TOO_FAR_BACK | TOO_OFTEN | CORRECTED | RETRACTED


def score_keyed(
    model: Model, profiles: Profiles, slots: NDArray[np.int64], inputs: NDArray[np.float64], flags: NDArray[np.uint16]
) -> NDArray[np.float64]:
    """What the detector of `model` says of new events, from which it learns; of others NaN.

    It has learned a corrected event as it was, and can neither forget nor judge it.

    Args:
        slots: [n] of the events' keys in `profiles`, which have the model's section.
        inputs: [n] values of its one input.
        flags: [n] what became of the events in these profiles.
    """
    assert model.keyed is not None
    words = profiles.section(model.section)
    if not common_flags(flags) & _NOT_NEW:  # nearly always
        raw = np.empty(len(inputs))
        model.keyed.score_learn_many(words, slots, inputs, raw)
        return raw
    raw = np.full(len(inputs), np.nan)
    fresh = (flags & _NOT_NEW) == 0
    scores = np.empty(int(fresh.sum()))
    model.keyed.score_learn_many(words, slots[fresh], inputs[fresh], scores)
    raw[fresh] = scores
    return raw
