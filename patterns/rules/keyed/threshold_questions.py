"""What the events of a batch ask of learned thresholds: the numbers that are compared, and the cohorts by which they are."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.definitions.event_columns import ids_of
from features.expressions.functions.column import Column
from features.expressions.syntax.canonical import canonical
from features.expressions.syntax.syntax import dotted
from features.schema.batch import Batch
from features.schema.schema import Schema
from features.schema.string_hash import words_of
from foundation.number_arrays import Float64s, Int64s
from patterns.language.pattern import Adaptive, Formula
from patterns.rules.values.formulas import CompiledFormula
from patterns.thresholds.threshold import Asked, keys_of

FEATURE, _EVENT = "feature.", "event."
_KEYS_KNOWN = 65_536


class ThresholdQuestions:
    """Knows what thresholds are learned of, and by which cohorts, at one stage.

    Args:
        features: the names of the features that the stage knows, in the order of its feature matrix.
    """

    def __init__(self, adaptives: Sequence[Adaptive], schema: Schema, features: Sequence[str]) -> None:
        self._numbers = [_Numbers(each.of, schema, features) for each in adaptives]
        cohorts = {canonical(each.cohort.node): _Cohorts(each.cohort, schema) for each in adaptives if each.cohort is not None}
        self._cohorts = [None if each.cohort is None else cohorts[canonical(each.cohort.node)] for each in adaptives]
        formulas = [formula for each in adaptives for formula in (each.of, each.cohort) if formula is not None]
        self.names = [name for formula in formulas for name in formula.names]
        """All that they read."""

    def of(self, batch: Batch, features: Float64s, columns: Callable[[], Mapping[str, Column]]) -> list[Asked]:
        """Returns what the events ask of each threshold.

        Args:
            features: [n, features] in major units; NaN where missing.
            columns: gives the values of the events by name; asked only where something more is read than a field or a feature alone.
        """
        values = _Values(batch, features, columns)
        known = {cohorts: _no_cohorts(len(batch)) if cohorts is None else cohorts.of(values) for cohorts in dict.fromkeys(self._cohorts)}
        return [Asked(numbers.of(values), *known[cohorts]) for numbers, cohorts in zip(self._numbers, self._cohorts, strict=True)]


class _Values:
    """Holds a batch, and its values by name once somebody asks for them."""

    def __init__(self, batch: Batch, features: Float64s, columns: Callable[[], Mapping[str, Column]]) -> None:
        self.batch, self.features = batch, features
        self._columns = columns

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        return self._columns()


class _Numbers:
    """Gives the numbers that a threshold is learned of. A field or feature that stands alone is taken as it is, which costs a tenth."""

    def __init__(self, formula: Formula, schema: Schema, features: Sequence[str]) -> None:
        self._formula = CompiledFormula(formula)
        name = _name_alone(formula)
        self._feature = features.index(name.removeprefix(FEATURE)) if name.startswith(FEATURE) else -1
        field = name.removeprefix(_EVENT)
        self._field = schema.columns.index(field) if name.startswith(_EVENT) and field in schema.columns else -1
        self._scale = float(schema.scales[self._field]) if self._field >= 0 else 1.0

    def of(self, values: _Values) -> Float64s:
        if self._feature >= 0:
            return values.features[:, self._feature].copy()
        if self._field >= 0:
            return values.batch.numbers[:, self._field] / self._scale
        return self._formula.over(values.columns, len(values.batch)).numbers()


class _Cohorts:
    """Gives the cohorts of events: their keys, and their texts. A field that stands alone is taken as it is."""

    def __init__(self, formula: Formula, schema: Schema) -> None:
        self._formula = CompiledFormula(formula)
        self._field = _name_alone(formula).removeprefix(_EVENT)
        self._is_id = self._field in (schema.user, *schema.entities)
        self._schema = schema
        self._keys = _Keys()

    def of(self, values: _Values) -> tuple[Int64s, NDArray[np.object_]]:
        batch = values.batch
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
