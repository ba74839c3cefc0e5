"""Collects the columns of one entity type's rows: those that its features need, and those that the schema retains."""

from collections.abc import Iterable

from features.definitions.definition import Definition
from features.definitions.row_column import Origin, RowColumn
from features.schema.schema import Schema


def columns_of(definitions: Iterable[Definition], schema: Schema) -> tuple[RowColumn, ...]:
    """Returns each column once: fields in the schema's order, then columns computed from events, then those from earlier rows."""
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
