"""Computes features without windows: parts of the calendar, and expressions over events and other features."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from features.definitions.coded_columns import CodedColumns, code_of
from features.definitions.definition import Definition
from features.definitions.event_columns import EventColumns, texts_of
from features.definitions.fact_columns import fact_column
from features.definitions.template import Current
from features.expressions.expression import Expression
from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.names import IN_LIST
from features.schema.batch import Batch
from features.schema.schema import Schema
from foundation.number_arrays import Float64s, Int64s

_EVENT, _FEATURE = "event.", "feature."
_Run = CodedColumns | list[tuple[int, Expression, list[tuple[str, int]]]]
"""Expressions of tables of steps; or others, each with the column that it fills, and those of the features that it reads."""


class Lists(Protocol):
    """Tells which texts are on which list."""

    def contains(self, name: str, values: Sequence[str], times_ms: Int64s) -> NDArray[np.bool_]:
        """Tells for each of n values whether it is on the list for an event at `times_ms`."""
        ...


class Derived:
    """Fills in features that are computed from the event and from other features.

    Args:
        definitions: definitions without readings, each expression after those that it reads.
        names: names of all features, in the order of a feature matrix.
    """

    def __init__(self, definitions: Sequence[Definition], names: Sequence[str], schema: Schema) -> None:
        place = {f"{_FEATURE}{name}": at for at, name in enumerate(names)}
        steps = [(place[_FEATURE + d.name], d.recipe.expression, d.reads) for d in definitions if d.recipe.expression is not None]
        self._runs = [_run_of(list(run), place, schema) for _, run in groupby(steps, lambda step: code_of(step[1], place, schema) is None)]
        self._of_times = [(place[_FEATURE + d.name], d.recipe.finish) for d in definitions if callable(d.recipe.finish)]
        reads = dict.fromkeys(name for _, expression, names in steps if code_of(expression, place, schema) is None for name in names)
        self._facts = [fact for fact in schema.facts if fact.path in reads]
        self._lists = [name for name in reads if IN_LIST in name]
        self._schema = schema
        self._events = EventColumns(reads, schema)

    def fill(self, batch: Batch, features: Float64s, facts: Mapping[str, Float64s], lists: Lists | None) -> None:
        """Writes these features' columns of `features` [n, names], which already holds all others.

        Args:
            facts: [n] by path of each declared fact, see `features.schema.facts.number_of`; those that are not there are missing.
            lists: tells which texts are on which list; None where nobody knows any entry.
        """
        self._fill_from_times(batch.times_ms, features)
        columns: dict[str, Column] = {}
        for run in self._runs:
            if isinstance(run, CodedColumns):
                run.write(batch, features)
                continue
            columns = columns or self._columns(batch, facts, lists)
            for at, expression, inputs in run:
                own = {name: Column.of_numbers(Type.DOUBLE, np.ascontiguousarray(features[:, place])) for name, place in inputs}
                features[:, at] = expression.over(columns | own).numbers()

    def _columns(self, batch: Batch, facts: Mapping[str, Float64s], lists: Lists | None) -> dict[str, Column]:
        """Returns what expressions read beside features."""
        columns = self._events.of(batch)
        for fact in self._facts:
            columns[fact.path] = fact_column(fact, facts[fact.path] if fact.path in facts else np.full(len(batch), np.nan))
        for name in self._lists:
            columns[name] = membership_column(name, batch, self._schema, lists)
        return columns

    def _fill_from_times(self, times_ms: Int64s, features: Float64s) -> None:
        nothing = np.empty((len(times_ms), 0))
        for at, finish in self._of_times:
            features[:, at] = finish(nothing, Current(nothing, {}, times_ms, {}))


def membership_column(name: str, batch: Batch, schema: Schema, lists: Lists | None) -> Column:
    """Returns the bool column that tells which events have a text or an id that is on a list; missing where they have none.

    Args:
        name: ``event.x in list.y``.
    """
    path, listed = name.split(IN_LIST)
    field = path.removeprefix(_EVENT)
    texts = batch.ids if field == schema.id_field else texts_of(field, batch, schema)
    absent = None if field in batch.texts else ""
    faults = np.array([text == absent for text in texts], np.uint8) if absent in texts else None
    if lists is None:
        return Column(Type.BOOL, np.zeros(len(texts), np.bool_), faults)
    return Column(Type.BOOL, lists.contains(listed, [text or "" for text in texts], batch.times_ms), faults)


def _run_of(steps: Sequence[tuple[int, Expression, Sequence[str]]], place: Mapping[str, int], schema: Schema) -> _Run:
    """Returns expressions that follow each other, all of them tables of steps, or none."""
    codes = [(at, code_of(expression, place, schema)) for at, expression, _ in steps]
    coded = [(at, code) for at, code in codes if code is not None]
    if coded:
        return CodedColumns(coded, place, schema)
    return [(at, expression, [(name, place[name]) for name in reads if name in place]) for at, expression, reads in steps]
