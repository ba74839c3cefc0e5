"""Makes the columns that expressions read of events, from a batch."""

from collections.abc import Iterable, Sequence

import numpy as np

from features.expressions.functions.column import Column
from features.expressions.functions.types import Type
from features.expressions.names import names_of_schema
from features.schema.batch import Batch
from features.schema.schema import Schema

_EVENT = "event."


class EventColumns:
    """Makes columns for those names that are read, from a batch.

    Args:
        names: ``event.…`` names as in `names_of_schema`; others are ignored.
    """

    def __init__(self, names: Iterable[str], schema: Schema) -> None:
        types = names_of_schema(schema).types
        self._schema = schema
        self._scales = dict(zip(schema.columns, schema.scales.tolist(), strict=True))
        self._places = {name: at for at, name in enumerate(schema.columns)}
        self._reads = {name: (name.removeprefix(_EVENT), types[name]) for name in names if name in types}

    def of(self, batch: Batch) -> dict[str, Column]:
        """Returns columns by name. The time is always there: an expression needs one column to know how many events there are."""
        time = f"{_EVENT}{self._schema.time_field}"
        columns = {name: self._column(field, type, batch) for name, (field, type) in self._reads.items()}
        return columns if time in columns else columns | {time: Column.of_times_ms(batch.times_ms)}

    def column(self, name: str, batch: Batch) -> Column:
        """Returns the column of one of the names."""
        return self._column(*self._reads[name], batch)

    def _column(self, field: str, type: Type, batch: Batch) -> Column:
        schema = self._schema
        if field in self._places:
            return Column.of_numbers(type, np.ascontiguousarray(batch.numbers[:, self._places[field]]), self._scales[field])
        if field == schema.time_field:
            return Column.of_times_ms(batch.times_ms)
        if field in batch.texts:
            return Column.of_texts(batch.texts[field])
        if field == schema.id_field:
            return Column(Type.INT, batch.id_keys) if type is Type.INT else Column.of_ids(batch.ids)
        return Column.of_ids(ids_of(field, batch, schema))


def ids_of(kind: str, batch: Batch, schema: Schema) -> list[str]:
    """Returns the id [n] of the user or of a further entity for each event; '' where absent."""
    return batch.users if kind == schema.user else batch.entities[kind]


def texts_of(field: str, batch: Batch, schema: Schema) -> Sequence[str | None]:
    """Returns the text [n] of a string field for each event, or the id of an entity type; None or '' where absent."""
    return batch.texts[field] if field in batch.texts else ids_of(field, batch, schema)
