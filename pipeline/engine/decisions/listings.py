"""The entries that a match puts on lists, as its decision says them."""

from collections.abc import Iterable

import msgspec

from features.definitions.event_columns import ids_of
from features.schema.batch import Batch
from features.schema.schema import Schema
from patterns.language.pattern import ListAddition


class Listing(msgspec.Struct, gc=False, omit_defaults=True):
    """An entry that a match puts on a list; the process that owns effects makes it.

    Args:
        list: the list's name.
        value: the text that it lists.
        expires: event time in ms since the epoch from which on it no longer counts; left out where it counts for ever.
        reason: what the match says, in words.
    """

    list: str
    value: str
    expires: int | None = None
    reason: str = ""


def listings_of(additions: Iterable[ListAddition], batch: Batch, row: int, schema: Schema, reason: str) -> list[Listing]:
    """The entries that a match of the event at `row` puts on lists; an event without the text gives none."""
    listings = []
    for addition in additions:
        value = text_of(addition.value, batch, row, schema)
        if value:
            expires = None if addition.for_ms is None else int(batch.times_ms[row]) + addition.for_ms
            listings.append(Listing(addition.to, value, expires, reason))
    return listings


def text_of(name: str, batch: Batch, row: int, schema: Schema) -> str | None:
    """The text of the event at `row` that rules read as ``event.<field>``; None or '' where it has none."""
    field = name.removeprefix("event.")
    if field in batch.texts:
        return batch.texts[field][row]
    return batch.ids[row] if field == schema.id_field else ids_of(field, batch, schema)[row]
