"""The learned thresholds of rules: what each is, and what the events of a batch ask of it where its key's stage is."""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from features.expressions.functions.types import Type
from features.expressions.syntax.canonical import canonical
from features.profiles.sections import Section
from features.schema.batch import Batch
from features.schema.schema import Schema
from features.sets.feature_set import FeatureSet
from foundation.number_arrays import Float64s
from patterns.language.pattern import Adaptive, Formula, Pattern
from patterns.matches import Sight
from patterns.predicates.event_values import EventLayout
from patterns.rules.keyed.threshold_questions import FEATURE, ThresholdQuestions
from patterns.rules.values.own_names import ADAPTIVE
from patterns.rules.values.sight_values import ValueSource
from patterns.thresholds.corrections import WIDTH as CORRECTIONS_WIDTH
from patterns.thresholds.entity_level import WIDTH, Bounds
from patterns.thresholds.threshold import Asked, Threshold

_LAYOUT = "1"
"""Another number where the words of a threshold come to mean something else."""


class RuleThresholds:
    """Holds the thresholds of rules, in the order of the rules and of their files.

    Args:
        patterns: the rules, by what tells them apart (`patterns.rules.values.own_names.labels_of`).
    """

    def __init__(self, patterns: Mapping[str, Pattern], schema: Schema, features: FeatureSet) -> None:
        each = [(label, adaptive) for label, pattern in patterns.items() for adaptive in pattern.adaptive.values()]
        self.each = tuple(_threshold(label, adaptive, features, schema.user) for label, adaptive in each)
        self._questions = ThresholdQuestions([adaptive for _, adaptive in each], schema, features.names)
        self._columns = ValueSource(self._questions.names, schema, features.names)
        kinds = dict.fromkeys(threshold.key for threshold in self.each if threshold.key != schema.user)
        self.of_keys = {kind: self._of_key(kind, [adaptive for _, adaptive in each], schema, features) for kind in kinds}
        """The thresholds of other keys than the user, by kind."""

    def sections_of(self, kind: str) -> tuple[Section, ...]:
        """Returns what profiles of a kind of entity keep of the thresholds."""
        own = [threshold for threshold in self.each if threshold.key == kind]
        corrected = [threshold for threshold in own if threshold.is_corrected]
        levels = (Section(threshold.section, WIDTH) for threshold in own)
        return (*levels, *(Section(threshold.corrections, CORRECTIONS_WIDTH, sparse=True) for threshold in corrected))

    def ask(self, sight: Sight) -> list[Asked]:
        """Returns what the events of `sight` ask of each threshold."""
        return self._questions.of(sight.batch, sight.features, lambda: self._columns.over(sight))

    def _of_key(self, kind: str, adaptives: Sequence[Adaptive], schema: Schema, features: FeatureSet) -> "KeyThresholds":
        own = [(threshold, adaptive) for threshold, adaptive in zip(self.each, adaptives, strict=True) if threshold.key == kind]
        return KeyThresholds([threshold for threshold, _ in own], [adaptive for _, adaptive in own], schema, features.own(kind))


class KeyThresholds:
    """Holds the thresholds of one kind of entity, as its stage asks them: it knows fields of events, and that kind's own features.

    Args:
        each: in their order among all thresholds of the rules.
        adaptives: how the rules declare them.
        features: the names of the kind's own features, in the order of its feature matrix.
    """

    def __init__(self, each: Sequence[Threshold], adaptives: Sequence[Adaptive], schema: Schema, features: Sequence[str]) -> None:
        self.each = tuple(each)
        self.names = [f"{ADAPTIVE}.{threshold.name}" for threshold in each]
        """The names by which conditions read them."""
        self._questions = ThresholdQuestions(adaptives, schema, features)
        self._layout = EventLayout(schema, [{FEATURE + name: Type.DOUBLE for name in features}])

    def ask(self, batch: Batch, features: Float64s) -> list[Asked]:
        """Returns what events ask of each threshold; see `patterns.matches.EntityRules`."""
        return self._questions.of(batch, features, lambda: self._layout.of(batch, (features,)))


def _threshold(label: str, adaptive: Adaptive, features: FeatureSet, user: str) -> Threshold:
    cohort = "" if adaptive.cohort is None else _meaning(adaptive.cohort, features)
    own = (_LAYOUT, _meaning(adaptive.of, features), adaptive.key, adaptive.half_life_ms)
    floor = -np.inf if adaptive.floor is None else adaptive.floor
    return Threshold(
        name=f"{label}.{adaptive.name}",
        key=adaptive.key,
        rate=adaptive.rate,
        bounds=Bounds(float(adaptive.half_life_ms), floor, np.inf if adaptive.cap is None else adaptive.cap),
        section="threshold:" + _hash((*own, label, adaptive.name)),
        definition=_hash((*own, cohort)),
        is_corrected=adaptive.key == user,
    )


def _meaning(formula: Formula, features: FeatureSet) -> str:
    """What was learned of a feature says nothing of another one under the same name: so features count too, and those behind them."""
    read = features.behind([name.removeprefix(FEATURE) for name in formula.names if name.startswith(FEATURE)])
    return msgspec.json.encode([canonical(formula.node), [features.written[name] for name in read]], order="sorted").decode()


def _hash(what: tuple[object, ...]) -> str:
    return hashlib.blake2b(repr(what).encode(), digest_size=12).hexdigest()
