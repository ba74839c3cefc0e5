"""The columns of one kind's rows: what its features need, and what the schema retains."""

from collections.abc import Iterable

from features.definitions.definition import Definition
from features.definitions.row_column import Origin, RowColumn
from features.schema.schema import Schema


def columns_of(definitions: Iterable[Definition], schema: Schema) -> tuple[RowColumn, ...]:
    """Each column once: fields in the schema's order, then what is computed from events, then what follows from earlier rows."""
    retained = {column.name: column for column in _retained(schema)}
    needed = {column.name: column for definition in definitions for column in definition.columns}
    fields = {field.name: at for at, field in enumerate(schema.fields)}

    def order(column: RowColumn) -> tuple[int, int]:
        return int(column.origin), fields.get(column.source, -1) if column.origin in (Origin.NUMBER, Origin.TEXT) else 0

    return tuple(sorted((needed | retained).values(), key=order))


def _retained(schema: Schema) -> Iterable[RowColumn]:
    for field in schema.fields:
        if field.retain:
            origin = Origin.NUMBER if field.is_number else Origin.TEXT
            yield RowColumn(f"event.{field.name}", origin, field.name, 10.0**field.scale, retained=True)
