"""The entity stage answers for each further entity of an event with a row of numbers, which the user stage reads here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.definitions.row_kernels import spread
from foundation.filled_arrays import filled
from patterns.thresholds.threshold import SEEN
from pipeline.engine.definitions.release import Release


@dataclass(slots=True)
class Answers:
    """Holds what the further entities of n events answered.

    Args:
        features: [n, features of the release]; the features of entities that answered; all others are NaN.
        warming: [n] whether the history of one of the entities does not reach back far enough.
        scores: [n, `Model.said`] by name of each model with state for another entity than the user; NaN where there is none.
        facts: [n] by path of each fact of another entity than the user, see `features.schema.facts`; NaN where it is missing.
        matched: [n, words] by kind of entity, what its stage says of the sequences of rules whose key it is; see `EntityRules`.
        looked: [n, SEEN] by name of each learned threshold whose key is no user, what was known of the entity before the event, see
            `patterns.thresholds.entity_level.look`; NaN where it has not answered.
    """

    features: NDArray[np.float64]
    warming: NDArray[np.bool_]
    scores: dict[str, NDArray[np.float64]]
    facts: dict[str, NDArray[np.float64]]
    matched: dict[str, NDArray[np.int64]]
    looked: dict[str, NDArray[np.float64]]

    @classmethod
    def none(cls, release: Release, n: int) -> "Answers":
        """Makes the answers of `n` events that no entity has answered."""
        none = cls(filled((n, len(release.features.names)), np.nan), np.zeros(n, np.bool_), {}, {}, {}, {})
        for models in release.of_entities.values():
            none.scores |= {model.name: filled((n, model.said), np.nan) for model in models}
        if release.schema.facts:
            none.facts |= {fact.path: filled(n, np.nan) for kind in release.entity_kinds() for fact in release.schema.facts_of(kind)}
        for kind, own in release.rules.of_entities.items():
            none.matched |= {kind: np.zeros((n, own.width), np.int64)} if own.width else {}
            none.looked |= {each.name: filled((n, SEEN), np.nan) for each in own.thresholds}
        return none

    def put(self, release: Release, kind: str, rows: NDArray[np.int64] | slice, answers: NDArray[np.float64]) -> None:
        """Takes in the answers [rows, `width_of`] of entities of one kind about the events at `rows`."""
        columns = release.features.columns[kind]
        at = len(columns)
        if isinstance(rows, slice):  # of all events
            spread(answers if answers.flags.writeable else answers.copy(), columns, self.features)
        else:
            self.features[rows[:, None], columns] = answers[:, :at]
        for model in release.of_entities.get(kind, ()):
            self.scores[model.name][rows] = answers[:, at : at + model.said]
            at += model.said
        for fact in release.schema.facts_of(kind):
            self.facts[fact.path][rows] = answers[:, at]
            at += 1
        for threshold in release.rules.of_entities[kind].thresholds if kind in release.rules.of_entities else ():
            self.looked[threshold.name][rows] = answers[:, at : at + SEEN]
            at += SEEN
        if kind in self.matched:
            words = np.ascontiguousarray(answers[:, at:-1]).view(np.int64)
            self.matched[kind][rows] = np.where(np.isnan(answers[:, -1:]), 0, words)  # which an answer that has not come is
        self.warming[rows] |= answers[:, -1] == 1.0

    def at(self, rows: NDArray[np.int64]) -> "Answers":
        """Returns the answers about the events at `rows` alone."""
        scores, facts, looked = ({name: of[rows] for name, of in each.items()} for each in (self.scores, self.facts, self.looked))
        matched = {kind: words[rows] for kind, words in self.matched.items()}
        return Answers(self.features[rows], self.warming[rows], scores, facts, matched, looked)


def width_of(release: Release, kind: str) -> int:
    """Returns how many numbers an entity answers with.

    They are the features of its kind, what its detectors say, its facts, what is known by its thresholds, the words of its rules'
    sequences, and 1 or 0 for `warming`.
    """
    return release.answer_widths[kind]
