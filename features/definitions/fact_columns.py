"""Makes the columns that expressions read of facts, from the numbers that profiles keep."""

from functools import lru_cache

import numpy as np

from features.expressions.functions.column import Column, Texts
from features.expressions.functions.types import Type
from features.schema.facts import Fact, number_of
from features.schema.schema import Schema
from foundation.number_arrays import Float64s

_TYPES = {"boolean": Type.BOOL, "number": Type.DOUBLE, "text": Type.STRING}


def types_of_facts(schema: Schema) -> dict[str, Type]:
    """Returns the type of each declared fact, by the name under which expressions read it."""
    return {fact.path: _TYPES[fact.type] for fact in schema.facts}


def fact_column(fact: Fact, numbers: Float64s) -> Column:
    """Returns the column of a fact from numbers [n] as `number_of` makes them; NaN, and a text that is not declared, are missing."""
    if fact.type != "text":
        return Column.of_numbers(_TYPES[fact.type], numbers)
    order, texts = _texts_of(fact)
    at = np.minimum(np.searchsorted(order, np.nan_to_num(numbers)), len(order) - 1)
    return Column(Type.STRING, at.astype(np.int32), (order[at] != numbers).view(np.uint8), texts)


@lru_cache(maxsize=1_024)
def _texts_of(fact: Fact) -> tuple[Float64s, Texts]:
    """Returns the numbers of the texts that a fact may be, in order, and the texts in the same order."""
    by_number = sorted((number_of(value), value) for value in fact.values)
    return np.array([number for number, _ in by_number]), Texts({value: at for at, (_, value) in enumerate(by_number)})
