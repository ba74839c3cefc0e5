"""Labels are read here from a column or field of the events themselves."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from features.schema.schema import Field
from foundation.refusal import Refusal
from pipeline.tables.refused import RefusedRows
from pipeline.tables.table_columns import UNREADABLE, cells_of, numbers_of
from pipeline.tables.table_file import Chunk

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_EXPECTED = "0, 1 or nothing"


class LabelColumn:
    """Reads the labels of events; a label that is neither 0 nor 1 is refused, while its event is kept.

    Args:
        name: of the column; dots lead into nested objects.
        refused: takes the rows whose label is refused.
    """

    def __init__(self, name: str, refused: RefusedRows) -> None:
        self.name = name
        self._path = name.split(".")
        self._refused = refused
        self._field = Field(name=name, type="boolean", required=False)

    def of_chunk(self, chunk: Chunk, places: NDArray[np.int64], source: str) -> NDArray[np.float64]:
        """Gives the labels of the rows at `places` of `chunk`: 0, 1, or NaN for none."""
        column = chunk.columns[self.name]
        try:
            marks, sure = numbers_of(cells_of(column, chunk.as_text), self._field)
        except UNREADABLE:
            marks, sure = np.full(len(column), np.nan), np.zeros(len(column), np.bool_)
        bad = places[~sure[places]]
        for place in bad.tolist():
            self._refuse(source, int(chunk.rows[place]), str(column[place]))
        return np.where(sure, marks, np.nan)[places]

    def of_line(self, line: bytes, source: str, row: int) -> tuple[float, bool]:
        """Gives the label of an event in JSON, NaN for none, and whether the event has the field at all."""
        found = self._found_in(line)
        if found is None:
            return np.nan, False
        try:
            value: Any = msgspec.json.decode(found)
        except (ValueError, RecursionError):
            value = found.decode(errors="replace")
        if value is None:
            return np.nan, True
        if isinstance(value, int | float) and value in (0, 1):
            return float(value), True
        self._refuse(source, row, value, line)
        return np.nan, True

    def _found_in(self, line: bytes) -> bytes | None:
        """Finds the JSON of this field without decoding others, since fields that no schema names may hold unreadable values."""
        for part in self._path:
            try:
                members = _members(line)
            except (ValueError, RecursionError):  # no object
                return None
            if part not in members:
                return None
            line = bytes(members[part])
        return line

    def absent(self, source: str, got: str) -> Refusal:
        """Makes the refusal of a file in which no event has the field."""
        return Refusal("missing label column", where=source, expected=self.name, got=got)

    def _refuse(self, source: str, row: int, got: object, original: bytes = b"") -> None:
        refusal = Refusal("unknown label", where=self.name, expected=_EXPECTED, got=got)
        self._refused.add(source, row, refusal, original or str(got).encode())
