"""Converts rows that were written under other columns: finds or computes each new column from them."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.definitions.row_column import Origin, RowColumn
from features.definitions.row_values import evaluate, reads
from features.expressions.syntax.equality import literals, only_equality
from features.expressions.syntax.parser import read_expression
from features.layout.layout import LONG_AGO, NUMBERS_OF_ENTITY, NUMBERS_OF_USER, TIME
from features.plan.plan import Plan
from features.schema.schema import Schema
from features.schema.string_hash import word_of
from foundation.number_arrays import Float64s, Int64s
from foundation.place import Place, Source

_NAN_BITS = np.array([np.nan]).view(np.int64)[0]
_EVENT = "event."


def mapped_rows(rows: Int64s, columns: Sequence[str], plan: Plan) -> Int64s:
    """Returns rows [n, cells] with `columns` as rows of `plan`; NaN where a value was not retained and cannot be computed."""
    first = NUMBERS_OF_USER if plan.is_user else NUMBERS_OF_ENTITY
    result: NDArray[np.int64] = np.full((len(rows), plan.row_words), _NAN_BITS, dtype=np.int64)
    result[:, :first] = rows[:, :first]
    was = {name: np.ascontiguousarray(rows[:, first + at]).view(np.float64) for at, name in enumerate(columns)}
    for at, column in enumerate(plan.columns):
        if column.name in was:
            result[:, first + at] = was[column.name].view(np.int64)
        elif len(rows) and follows(column, columns, plan.schema):
            result[:, first + at] = _evaluated(column, was, rows[:, TIME], plan.schema).view(np.int64)
    return result


def unknown_until(column: RowColumn, was: Mapping[str, int], newest_ms: int, schema: Schema) -> int:
    """Returns the time up to which rows lack `column`; `was` holds that time for each column that they have."""
    if column.name in was:
        return was[column.name]
    if column.origin in (Origin.PREVIOUS, Origin.PAIR, Origin.FROM):
        return was.get(column.source, newest_ms)
    if not follows(column, was, schema):
        return newest_ms
    return max((was[name] for name in reads(column, schema)), default=LONG_AGO)


def follows(column: RowColumn, columns: Mapping[str, object] | Sequence[str], schema: Schema) -> bool:
    """Tells whether `column` can be computed from rows with `columns`, which hold texts only as hashes."""
    if column.origin in (Origin.HOUR_COS, Origin.HOUR_SIN):
        return True
    if column.origin is not Origin.EXPRESSION:
        return False
    names = reads(column, schema)
    texts = frozenset(name for name in names if name.removeprefix(_EVENT) not in schema.columns)
    return all(name in columns for name in names) and _compares(column.source, texts)[0]


@functools.lru_cache(1_024)
def _compares(source: str, texts: frozenset[str]) -> tuple[bool, tuple[str, ...]]:
    """Tells whether an expression only compares its texts, and returns the texts that stand in it."""
    node = read_expression(Source(source, Place()))
    return only_equality(node, texts), tuple(literals(node))


def _evaluated(column: RowColumn, was: Mapping[str, Float64s], times_ms: Int64s, schema: Schema) -> Float64s:
    values, texts = {}, {}
    known = {word_of(text): text for text in _compares(column.source, frozenset())[1]} if column.origin is Origin.EXPRESSION else {}
    for name in reads(column, schema):
        if name.removeprefix(_EVENT) in schema.columns:
            values[name] = was[name]
        else:
            texts[name] = [known.get(word, _stand_in(word)) for word in was[name].tolist()]
    return evaluate(column, schema, values, texts, np.ascontiguousarray(times_ms))


def _stand_in(word: float) -> str | None:
    """Returns a text in place of a hash: unlike any literal, and equal for equal hashes."""
    return None if word != word else f"\0{word.hex()}"
