"""Computes expressions that are tables of steps, over a batch, all in one compiled call."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, repeat

import numpy as np

from features.definitions.event_columns import ids_of
from features.definitions.row_kernels import NOWHERE, fill, filling_of
from features.expressions.expression import Expression
from features.expressions.number_code import NumberCode, packed
from features.schema.batch import Batch
from features.schema.schema import Schema
from features.schema.string_hash import each_word
from foundation.number_arrays import Float64s

_EVENT = "event."
_OTHER = -1.0
"""The number of a text that no program compares with."""


def code_of(expression: Expression, columns: Mapping[str, int], schema: Schema) -> NumberCode | None:
    """Returns the table of an expression that reads nothing but events and `columns`; None where it has none, or reads anything else."""
    fields = (*schema.columns, *schema.texts, schema.user, *schema.entities, schema.id_field)
    code = expression.number_code
    is_known = code is not None and all(name in columns or name.removeprefix(_EVENT) in fields for name in code.loads)
    return code if is_known else None


class CodedColumns:
    """Computes columns of a matrix from events, and from columns of the matrix that stand there already.

    Args:
        codes: by the column that each fills; each is filled before those that come later and may read it.
        columns: by name, those columns of the matrix that programs read.
        schema: says what ``event.`` names mean.
        placed: for each column of the matrix the field of the event that stands there as it is, texts as their hashes, or '' where none
            does; where none is named, all columns but those of `codes` stand there already.
    """

    def __init__(
        self, codes: Sequence[tuple[int, NumberCode]], columns: Mapping[str, int], schema: Schema, placed: Sequence[str] = ()
    ) -> None:
        self._schema = schema
        numbers = {name: at for at, name in enumerate(schema.columns)}
        read = dict.fromkeys(name for _, code in codes for name in code.loads)
        texts = [name for name in read if name.removeprefix(_EVENT) not in numbers and name not in columns]
        known = {text: at for at, text in enumerate(dict.fromkeys(text for _, code in codes for _, text in code.texts))}
        self._hashed = [field for field in dict.fromkeys(placed) if field and field not in numbers]
        self._numbered = [(name.removeprefix(_EVENT), self._numbers_of(name.removeprefix(_EVENT), known)) for name in texts]
        self._rows = len(self._hashed) + len(self._numbered)
        sources = numbers | {field: len(numbers) + at for at, field in enumerate(self._hashed)}
        places = {f"{_EVENT}{name}": at for name, at in numbers.items()}
        places |= {name: len(sources) + at for at, name in enumerate(texts)}
        places |= {name: len(numbers) + self._rows + at for name, at in columns.items()}
        filled = np.array([sources.get(field, NOWHERE) for field in placed], np.int64)
        programs = packed([code for _, code in codes], places, known)
        self._filling = filling_of(filled, schema.scales, programs, np.array([at for at, _ in codes], np.int64))

    def _numbers_of(self, field: str, known: Mapping[str, int]) -> dict[str | None, float]:
        """Returns the number of each text of `field` that matters; an id that is empty is missing, as a text is that is None."""
        numbers: dict[str | None, float] = {text: float(number) for text, number in known.items()} | {None: math.nan}
        return numbers | {"": math.nan} if field not in self._schema.texts else numbers

    def write(self, batch: Batch, out: Float64s) -> None:
        """Writes the columns of `out` [n, columns]."""
        found: list[Iterator[float]] = [each_word(self._read(field, batch)) for field in self._hashed]
        found += [map(known.get, self._read(field, batch), repeat(_OTHER)) for field, known in self._numbered]
        texts = np.fromiter(chain.from_iterable(found), np.float64, self._rows * len(batch)).reshape(self._rows, len(batch))
        fill(batch.numbers, texts, *self._filling, out)

    def _read(self, field: str, batch: Batch) -> Sequence[str | None]:
        if field in batch.texts:
            return batch.texts[field]
        return batch.ids if field == self._schema.id_field else ids_of(field, batch, self._schema)
