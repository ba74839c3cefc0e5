"""The values of a batch of events under the names by which conditions read them, as the engine holds them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from features.definitions.event_columns import EventColumns, texts_of
from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.names import names_of_schema
from features.schema.batch import Batch
from features.schema.schema import Schema
from foundation.number_arrays import Float64s

_EVENT = "event."
NO_COLUMNS: Mapping[str, Column] = {}


class Place(NamedTuple):
    """Says where the numbers of a name stand.

    Args:
        matrix: the number of the matrix; 0 is that of the batch.
        column: its column.
        divisor: what the numbers are divided by: 10**scale of a decimal.
    """

    matrix: int
    column: int
    divisor: float
    type: Type


class EventLayout:
    """Says where values of events stand. Make one for a release and use it for every batch: sets of conditions remember it.

    Args:
        matrices: the names of the columns of each further matrix, with their types, which are doubles, ints or bools: such as
            ``feature.count_1h`` of all features, ``model.odd`` of all models, ``adaptive.usual``.
    """

    def __init__(self, schema: Schema, matrices: Sequence[Mapping[str, Type]] = ()) -> None:
        self.schema = schema
        self.types = names_of_schema(schema).types
        self.event_columns = EventColumns(self.types, schema)
        scales = dict(zip(schema.columns, schema.scales.tolist(), strict=True))
        self.places = {
            f"{_EVENT}{name}": Place(0, at, scales[name], self.types[f"{_EVENT}{name}"]) for at, name in enumerate(schema.columns)
        }
        for matrix, names in enumerate(matrices, 1):
            self.places |= {name: Place(matrix, at, 1.0, type) for at, (name, type) in enumerate(names.items())}

    def of(self, batch: Batch, matrices: Sequence[Float64s] = (), columns: Mapping[str, Column] = NO_COLUMNS) -> "EventValues":
        """Returns the values of a batch of n events.

        Args:
            matrices: [n, columns] each, in the order of the layout, in one piece and not read-only; NaN is missing.
            columns: further values by name, such as of facts that are texts, or of whether a text is on a list; they are asked for only
                where a condition reads them.
        """
        return EventValues(self, batch, (batch.numbers, *matrices), columns)


class EventValues(Mapping[str, Column]):
    """Holds the values of n events; columns are made when somebody asks for them."""

    def __init__(self, layout: EventLayout, batch: Batch, matrices: Sequence[Float64s], columns: Mapping[str, Column]) -> None:
        self.layout, self.batch, self.matrices = layout, batch, matrices
        self._further = columns
        self._made: dict[str, Column] = {}

    def __getitem__(self, name: str) -> Column:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = self._column(name)
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self.layout.types, *self.layout.places, *self._further)))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def doubles(self, name: str) -> Float64s | None:
        """Returns the doubles [n] of a name, NaN where there is no value; None where the name is none of a matrix of doubles."""
        place = self.layout.places.get(name)
        if place is None or place.type is not Type.DOUBLE:
            return None
        numbers: Float64s = self.matrices[place.matrix][:, place.column] / place.divisor
        return numbers

    def texts_of(self, field: str) -> Sequence[str | None]:
        """Returns the texts [n] of an event's field, None where there is none; or the ids of the events, of users or of another entity,
        '' where there is none.
        """
        batch, schema = self.batch, self.layout.schema
        return batch.ids if field == schema.id_field else texts_of(field, batch, schema)

    def _column(self, name: str) -> Column:
        place = self.layout.places.get(name)
        if place is not None:
            numbers = np.ascontiguousarray(self.matrices[place.matrix][:, place.column])
            return Column.of_numbers(place.type, numbers, place.divisor)
        if name in self.layout.types:
            return self.layout.event_columns.column(name, self.batch)
        return self._further[name]
