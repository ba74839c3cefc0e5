"""Computes the row values of events: the 64-bit cells that rows of history hold of them."""

import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from features.definitions.calendar import DAY_MS, Calendar
from features.definitions.coded_columns import CodedColumns, code_of
from features.definitions.event_columns import EventColumns
from features.definitions.row_column import Origin, RowColumn
from features.expressions.expression import Expression, compile_expression
from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.names import names_of_schema
from features.schema.batch import Batch
from features.schema.schema import Schema
from features.schema.string_hash import words_of
from foundation.number_arrays import Float64s, Int64s

_EVENT = "event."


class RowValues:
    """Computes the row values of one plan's columns. Make it once for a plan; columns that the kernel fills are left NaN."""

    def __init__(self, columns: Sequence[RowColumn], schema: Schema) -> None:
        placed = [column.source if column.origin in (Origin.NUMBER, Origin.TEXT) else "" for column in columns]
        self._hours = [(at, column) for at, column in enumerate(columns) if column.origin in (Origin.HOUR_COS, Origin.HOUR_SIN)]
        of_events = [(at, compiled(column.source, schema)) for at, column in enumerate(columns) if column.origin is Origin.EXPRESSION]
        codes = [(at, code_of(expression, {}, schema)) for at, expression in of_events]
        self._width = len(columns)
        self._coded = CodedColumns([(at, code) for at, code in codes if code is not None], {}, schema, placed)
        self._expressions = [each for each, (_, code) in zip(of_events, codes, strict=True) if code is None]
        self._events = EventColumns([name for _, expression in self._expressions for name in expression.names], schema)

    def of(self, batch: Batch) -> Float64s:
        """Returns the row values of a batch, float64[n, columns]."""
        out = np.empty((len(batch), self._width))
        self._coded.write(batch, out)
        for at, column in self._hours:
            out[:, at] = _hours(column, batch.times_ms)
        columns = self._events.of(batch) if self._expressions else {}
        for at, expression in self._expressions:
            out[:, at] = numbers_of(expression.over(columns))
        return out


def reads(column: RowColumn, schema: Schema) -> tuple[str, ...]:
    """Returns the ``event.`` names other than the time that `evaluate` needs for an EXPRESSION, HOUR_COS or HOUR_SIN column."""
    if column.origin is not Origin.EXPRESSION:
        return ()
    time = f"{_EVENT}{schema.time_field}"
    return tuple(name for name in compiled(column.source, schema).names if name != time)


def evaluate(
    column: RowColumn,
    schema: Schema,
    values: Mapping[str, Float64s],
    texts: Mapping[str, Sequence[str | None]],
    times_ms: Int64s,
) -> Float64s:
    """Computes an EXPRESSION, HOUR_COS or HOUR_SIN column [n] from other columns of the same events.

    Args:
        values: numeric fields [n] by ``event.`` name, in minor units.
        texts: string fields, the user and entities, likewise.

    Raises:
        KeyError: a name of `reads` is in neither.
    """
    if column.origin is not Origin.EXPRESSION:
        return _hours(column, times_ms)
    expression = compiled(column.source, schema)
    columns = {f"{_EVENT}{schema.time_field}": Column.of_times_ms(times_ms)}
    for name in reads(column, schema):
        type, field = expression.names[name], name.removeprefix(_EVENT)
        if name in values:
            columns[name] = Column.of_numbers(type, values[name], float(schema.scales[schema.columns.index(field)]))
        elif field in (schema.user, *schema.entities):
            columns[name] = Column.of_ids([text or "" for text in texts[name]])
        else:
            columns[name] = Column.of_texts(texts[name])
    return numbers_of(expression.over(columns))


def numbers_of(column: Column) -> Float64s:
    """Returns an expression's results as row values: numbers, booleans as 1 and 0, and texts as hashes."""
    if column.type is not Type.STRING:
        return column.numbers()
    words = words_of(column.texts.all, len(column.texts.all))[column.values]
    return words if column.faults is None else np.where(column.faults == 0, words, np.nan)


@functools.lru_cache(4_096)
def compiled(source: str, schema: Schema) -> Expression:
    """Compiles the expression of an EXPRESSION column."""
    return compile_expression(source, names_of_schema(schema))


@functools.lru_cache(64)
def _calendar(zone: str) -> Calendar:
    return Calendar("hour", zone=zone)


def _hours(column: RowColumn, times_ms: Int64s) -> Float64s:
    angle = (_calendar(column.source).local_ms(times_ms) % DAY_MS) * (2.0 * math.pi / DAY_MS)
    hours: Float64s = np.cos(angle) if column.origin is Origin.HOUR_COS else np.sin(angle)
    return hours
