"""The learned thresholds of rules: what each is, and what the events of a batch ask of it."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from features.definitions.event_columns import ids_of
from features.expressions.functions.column import Column
from features.expressions.syntax.canonical import canonical
from features.expressions.syntax.syntax import dotted
from features.profiles.sections import Section
from features.schema.schema import Schema
from features.schema.string_hash import words_of
from features.sets.feature_set import FeatureSet
from foundation.number_arrays import Float64s, Int64s
from patterns.language.pattern import Adaptive, Formula, Pattern
from patterns.matches import Sight
from patterns.rules.formulas import CompiledFormula
from patterns.rules.sight_values import ValueSource
from patterns.thresholds.entity_level import WIDTH, Bounds
from patterns.thresholds.threshold import Asked, Threshold, keys_of

_LAYOUT = "1"
"""Another number where the words of a threshold come to mean something else."""
_FEATURE, _EVENT = "feature.", "event."
_KEYS_KNOWN = 65_536


class RuleThresholds:
    """Holds the thresholds of rules, in the order of the rules and of their files.

    Args:
        patterns: the rules, by what tells them apart (`patterns.rules.own_names.labels_of`).
    """

    def __init__(self, patterns: Mapping[str, Pattern], schema: Schema, features: FeatureSet) -> None:
        each = [(label, adaptive) for label, pattern in patterns.items() for adaptive in pattern.adaptive.values()]
        self.each = tuple(_threshold(label, adaptive, features) for label, adaptive in each)
        self._numbers = [_Numbers(adaptive.of, schema, features) for _, adaptive in each]
        self._cohorts = [None if adaptive.cohort is None else _Cohorts(adaptive.cohort, schema) for _, adaptive in each]
        formulas = [formula for _, adaptive in each for formula in (adaptive.of, adaptive.cohort) if formula is not None]
        self._columns = ValueSource([name for formula in formulas for name in formula.names], schema, features.names)

    def sections_of(self, kind: str) -> tuple[Section, ...]:
        """Returns what profiles of a kind of entity keep of the thresholds."""
        return tuple(Section(threshold.section, WIDTH) for threshold in self.each if threshold.key == kind)

    def ask(self, sight: Sight) -> list[Asked]:
        """Returns what the events of `sight` ask of each threshold."""
        values = _Values(self._columns, sight)
        found = []
        for numbers, cohorts in zip(self._numbers, self._cohorts, strict=True):
            keys, texts = _no_cohorts(len(sight.batch)) if cohorts is None else cohorts.of(values)
            found.append(Asked(numbers.of(values), keys, texts))
        return found


class _Values:
    """Holds a batch, and its values by name once somebody asks for them."""

    def __init__(self, source: ValueSource, sight: Sight) -> None:
        self.sight = sight
        self._source = source

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        return self._source.over(self.sight)


class _Numbers:
    """Gives the numbers that a threshold is learned of. A field or feature that stands alone is taken as it is, which costs a tenth."""

    def __init__(self, formula: Formula, schema: Schema, features: FeatureSet) -> None:
        self._formula = CompiledFormula(formula)
        name = _name_alone(formula)
        self._feature = features.names.index(name.removeprefix(_FEATURE)) if name.startswith(_FEATURE) else -1
        field = name.removeprefix(_EVENT)
        self._field = schema.columns.index(field) if name.startswith(_EVENT) and field in schema.columns else -1
        self._scale = float(schema.scales[self._field]) if self._field >= 0 else 1.0

    def of(self, values: _Values) -> Float64s:
        sight = values.sight
        if self._feature >= 0:
            return sight.features[:, self._feature].copy()
        if self._field >= 0:
            return sight.batch.numbers[:, self._field] / self._scale
        return self._formula.over(values.columns, len(sight.batch)).numbers()


class _Cohorts:
    """Gives the cohorts of events: their keys, and their texts. A field that stands alone is taken as it is."""

    def __init__(self, formula: Formula, schema: Schema) -> None:
        self._formula = CompiledFormula(formula)
        self._field = _name_alone(formula).removeprefix(_EVENT)
        self._is_id = self._field in (schema.user, *schema.entities)
        self._schema = schema
        self._keys = _Keys()

    def of(self, values: _Values) -> tuple[Int64s, NDArray[np.object_]]:
        batch = values.sight.batch
        if self._is_id:
            return self._known([id or None for id in ids_of(self._field, batch, self._schema)])
        if self._field in batch.texts:
            return self._known(batch.texts[self._field])
        named = self._formula.over(values.columns, len(batch))
        texts = np.array([*named.texts.all, None], np.object_)
        at = named.values if named.faults is None else np.where(named.faults == 0, named.values, len(texts) - 1)
        return keys_of(words_of(texts, len(texts)))[at], texts[at]

    def _known(self, texts: Sequence[str | None]) -> tuple[Int64s, NDArray[np.object_]]:
        found = np.empty(len(texts), np.object_)
        found[:] = texts
        return self._keys.of(texts), found


class _Keys(dict[str | None, int]):
    """Remembers the keys of cohorts: in a quarter of the time of hashing their texts."""

    def of(self, texts: Sequence[str | None]) -> Int64s:
        if len(self) > _KEYS_KNOWN:
            self.clear()
        return np.fromiter(map(self.__getitem__, texts), np.int64, len(texts))

    def __missing__(self, text: str | None) -> int:
        key = self[text] = int(keys_of(words_of([text], 1))[0])
        return key


def _no_cohorts(n: int) -> tuple[Int64s, NDArray[np.object_]]:
    return np.zeros(n, np.int64), np.empty(n, np.object_)


def _name_alone(formula: Formula) -> str:
    """Returns the name that the formula is; '' where it is more than a name."""
    name = dotted(formula.node)
    return name[1] if name is not None else ""


def _threshold(label: str, adaptive: Adaptive, features: FeatureSet) -> Threshold:
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
    )


def _meaning(formula: Formula, features: FeatureSet) -> str:
    """What was learned of a feature says nothing of another one under the same name: so features count too, and those behind them."""
    read = features.behind([name.removeprefix(_FEATURE) for name in formula.names if name.startswith(_FEATURE)])
    return msgspec.json.encode([canonical(formula.node), [features.written[name] for name in read]], order="sorted").decode()


def _hash(what: tuple[object, ...]) -> str:
    return hashlib.blake2b(repr(what).encode(), digest_size=12).hexdigest()
