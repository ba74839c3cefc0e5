"""Puts what a test of a rule gives in the place of what the engine has computed, at the stages of entities and at that of the user."""

from collections.abc import Mapping, Sequence

import numpy as np

from features.profiles.profiles import Profiles
from features.schema.batch import Batch
from foundation.number_arrays import Float64s, Int64s
from patterns.absences import Absence
from patterns.matches import Bools, EntityRules
from patterns.thresholds.threshold import THRESHOLD, Asked, Threshold
from pipeline.engine.decisions.verdicts import Verdicts
from pipeline.engine.definitions.release import Release
from pipeline.engine.steps.step import Turn


class GivenStep:
    """Fills what is given of features, models and thresholds at the stage of the user, after the steps that compute them.

    Args:
        numbers: by name, such as ``feature.count_1h`` or ``adaptive.usual``.
    """

    name = "given"
    reads: tuple[str, ...] = ("features", "probabilities", "thresholds")
    fills: tuple[str, ...] = ("features", "probabilities", "thresholds")

    def __init__(self, numbers: Mapping[str, float]) -> None:
        self._numbers = numbers

    def cost_ns(self, release: Release) -> float:
        return 0.0

    def run(self, turn: Turn, verdicts: Verdicts) -> None:
        for path, number in self._numbers.items():
            root, _, name = path.partition(".")
            if root == "feature":
                verdicts.features[:, verdicts.release.features.names.index(name)] = number
            elif root == "model":
                verdicts.probabilities[name][:] = number
            else:
                [own] = [own for own in verdicts.thresholds if _is_threshold(own, name)]
                verdicts.thresholds[own][:, THRESHOLD] = number


class GivenRules:
    """Shows the rules at the stage of an entity what is given of its features and thresholds; see `patterns.matches.EntityRules`.

    Args:
        rules: those of the release.
        features: the names of the kind's own features, in the order of its feature matrix.
        numbers: see `GivenStep`.
    """

    def __init__(self, rules: EntityRules, features: Sequence[str], numbers: Mapping[str, float]) -> None:
        self._rules = rules
        paths = [path.partition(".") for path in numbers]
        given = [(root, name, numbers[f"{root}.{name}"]) for root, _, name in paths]
        self._features = {features.index(name): number for root, name, number in given if root == "feature" and name in features}
        self._learned = {
            at: number
            for root, name, number in given
            for at, threshold in enumerate(rules.thresholds)
            if root == "adaptive" and _is_threshold(threshold.name, name)
        }

    @property
    def width(self) -> int:
        """See `patterns.matches.EntityRules`."""
        return self._rules.width

    @property
    def thresholds(self) -> Sequence[Threshold]:
        """See `patterns.matches.EntityRules`."""
        return self._rules.thresholds

    def ask_thresholds(self, batch: Batch, features: Float64s) -> Sequence[Asked]:
        """See `patterns.matches.EntityRules`."""
        return self._rules.ask_thresholds(batch, _with(features, self._features))

    def find_many(
        self,
        batch: Batch,
        features: Float64s,
        learned: Float64s,
        fresh: Bools,
        late: Bools,
        profiles: Profiles,
        slots: Int64s,
        absences: list[Absence],
    ) -> Int64s:
        """See `patterns.matches.EntityRules`."""
        seen = _with(features, self._features), _with(learned, self._learned)
        return self._rules.find_many(batch, *seen, fresh, late, profiles, slots, absences)


def given_rules(release: Release, kind: str, numbers: Mapping[str, float]) -> GivenRules | None:
    """Returns what rules look at where the stage of a kind of entity is; None where they look at nothing."""
    rules = release.rules.of_entities.get(kind)
    return None if rules is None else GivenRules(rules, release.features.own(kind), numbers)


def _is_threshold(own: str, name: str) -> bool:
    """Tells whether the threshold that a release calls `own`, by its rule, is the one that the rule itself calls `name`."""
    return own.partition(".")[2] == name


def _with(columns: Float64s, given: Mapping[int, float]) -> Float64s:
    changed = np.array(columns)
    for at, number in given.items():
        changed[:, at] = number
    return changed
