"""The values of a batch of events under the names by which conditions read them, as the engine holds them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.definitions.event_columns import EventColumns, ids_of
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
            matrices: [n, columns] each, in the order of the layout; NaN is missing.
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

    def texts(self, name: str) -> Sequence[str | None]:
        """Returns the texts of an event's field that holds texts; None where there is none."""
        return self.batch.texts[name.removeprefix(_EVENT)]

    def ids(self, name: str) -> Sequence[str]:
        """Returns the ids of the user or another entity, or the events' own; '' where there is none."""
        field = name.removeprefix(_EVENT)
        schema = self.layout.schema
        return self.batch.ids if field == schema.id_field else ids_of(field, self.batch, schema)

    def _column(self, name: str) -> Column:
        place = self.layout.places.get(name)
        if place is not None:
            numbers = np.ascontiguousarray(self.matrices[place.matrix][:, place.column])
            return Column.of_numbers(place.type, numbers, place.divisor)
        if name in self.layout.types:
            return self.layout.event_columns.column(name, self.batch)
        return self._further[name]


def times_us(values: EventValues) -> NDArray[np.int64]:
    """Returns the events' times [n] in microseconds."""
    return values.batch.times_ms * 1_000
