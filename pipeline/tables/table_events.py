"""Rows of tables become events: by whole columns where the decoder's result is certain, otherwise by the decoder itself.

So a row of a table passes the same checks as the same event in JSON, and is refused in the same words.
"""

import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from features.schema.batch import Batch, joined
from features.schema.decode import Decoder
from features.schema.event import Event
from features.schema.schema import LAST_TIME_MS, OPERATION, Schema
from foundation.number_arrays import Int8s
from foundation.refusal import Refusal
from pipeline.tables.cells import wanted_of
from pipeline.tables.certain_events import certain_of
from pipeline.tables.json_rows import RowsAsJson
from pipeline.tables.refused import RefusedRows
from pipeline.tables.table_columns import UNREADABLE
from pipeline.tables.table_file import Chunk, TableFile


class TableEvents:
    """Reads events of one schema from tables.

    Args:
        schema: of the events.
        refused: takes the rows that are refused.
    """

    def __init__(self, schema: Schema, refused: RefusedRows) -> None:
        self._schema = schema
        self._refused = refused
        self._decoder = Decoder(schema)
        self._wanted = wanted_of(schema)

    @property
    def names(self) -> list[str]:
        """The columns that events are read from."""
        return [wanted.name for wanted in self._wanted]

    def check(self, file: TableFile) -> None:
        """Checks that the file has each column that the schema requires.

        Raises:
            Refusal: a required column is missing.
        """
        absent = [wanted.name for wanted in self._wanted if wanted.required and wanted.name not in file.names]
        if absent:
            raise Refusal("missing columns", where=str(file.path), expected=", ".join(absent), got=", ".join(file.header))

    def read(self, file: TableFile) -> Iterator[tuple[Batch, Chunk, NDArray[np.int64]]]:
        """Gives the events of each chunk, the chunk, and the row of each event in it; all other rows are refused.

        Without a column ``op`` a repeated id is the same event. With such a column the contents decide whether it is, as they do in JSON.

        Raises:
            Refusal: a column that the schema requires is missing, or the file is damaged.
        """
        self.check(file)
        for chunk in file.chunks(self._refused):
            batch, places = self._events(chunk, str(file.path))
            batch.body_keys = _body_keys(batch) if OPERATION in chunk.columns else batch.id_keys
            yield batch, chunk, places

    def _events(self, chunk: Chunk, source: str) -> tuple[Batch, NDArray[np.int64]]:
        try:
            batch, sure = certain_of(chunk, self._schema)
        except UNREADABLE:
            batch, sure = None, np.zeros(len(chunk.rows), np.bool_)
        if batch is not None and sure.all():
            return batch, np.arange(len(chunk.rows))
        events, places = self._decoded(chunk, np.flatnonzero(~sure), source)
        rest = Batch.of(events, self._schema)
        if batch is None:
            return rest, places
        certain = np.flatnonzero(sure)
        place = np.concatenate([certain, places])
        order = np.argsort(place, kind="stable")
        return joined([batch.take(certain), rest]).take(order), place[order]

    def _decoded(self, chunk: Chunk, doubtful: NDArray[np.int64], source: str) -> tuple[list[Event], NDArray[np.int64]]:
        events: list[Event] = []
        places: list[int] = []
        rows = RowsAsJson(chunk, self._wanted, doubtful, {self._schema.time_field: self._schema.time_unit})
        latest_ms = LAST_TIME_MS - self._schema.max_ahead_ms
        for at, place in enumerate(doubtful.tolist()):
            original = b""
            try:
                original = rows.at(at)
                events.append(self._decoder.decode(original, latest_ms))
                places.append(place)
            except Refusal as refusal:
                self._refused.add(source, int(chunk.rows[place]), rows.explained(refusal, at), original or rows.plain(at))
        return events, np.array(places, np.int64)


def _body_keys(batch: Batch) -> NDArray[np.int64]:
    """Gives a checksum of the contents of each event. Cost: about 1 µs an event."""
    ops: Int8s = batch.ops
    values = zip(*batch.texts.values(), strict=True) if batch.texts else [()] * len(ops)
    bodies = (zlib.crc32(repr((op, row.tobytes(), own)).encode()) for op, row, own in zip(ops.tolist(), batch.numbers, values, strict=True))
    return np.fromiter(bodies, np.int64, len(ops))
