"""Writes rows of tables as JSON, so that the decoder can read those that no column reader is certain of."""

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from foundation.refusal import Refusal
from pipeline.tables.cells import DECIMAL, FLOAT, INTEGER, Wanted, cell_of_text, cell_of_value, json_of
from pipeline.tables.table_columns import stamps_ms
from pipeline.tables.table_file import Chunk

_DECIMAL_COMMA = "write decimals with a point"
_ABOUT_A_CELL = ("wrong type", "not a decimal of this field", "not accepted")


class RowsAsJson:
    """Holds chosen rows of a chunk, and gives each as a JSON object of the wanted fields.

    Args:
        chunk: the chunk with the rows.
        wanted: the fields of the objects; fields that the chunk lacks are left out.
        chosen: the places of the rows in the chunk.
        time_units: the unit of each field that is a time; a column of timestamps becomes times of that unit.
    """

    def __init__(self, chunk: Chunk, wanted: list[Wanted], chosen: NDArray[np.int64], time_units: dict[str, str]) -> None:
        self._as_text = chunk.as_text
        self._wanted = {each.name: each for each in wanted if each.name in chunk.columns}
        columns = {name: chunk.columns[name].take(pa.array(chosen)) for name in self._wanted}
        self._values = {
            name: _values(column, self._wanted[name], time_units.get(name, ""), chunk.as_text) for name, column in columns.items()
        }

    def at(self, row: int) -> bytes:
        """Returns one row as JSON.

        Raises:
            Refusal: a cell is not UTF-8.
        """
        cell_of = cell_of_text if self._as_text else cell_of_value
        cells = ((name, cell_of(self._values[name][row], each.kind, name)) for name, each in self._wanted.items())
        return json_of({name: cell for name, cell in cells if cell is not None})

    def plain(self, row: int) -> bytes:
        """Returns the cells of one row as Python writes them, for a row that cannot be JSON."""
        return repr({name: values[row] for name, values in self._values.items()}).encode()

    def explained(self, refusal: Refusal, row: int) -> Refusal:
        """Returns `refusal` with the cell that it is about, and with advice where the cell has a decimal comma."""
        each = self._wanted.get(refusal.where)
        if each is None or refusal.what not in _ABOUT_A_CELL:
            return refusal
        got = self._values[refusal.where][row]
        comma = self._as_text and each.kind in (DECIMAL, FLOAT, INTEGER) and "," in got
        shown = got.decode(errors="replace") if isinstance(got, bytes) else got
        return Refusal(
            refusal.what, where=refusal.where, expected=refusal.expected, got=shown, remedy=_DECIMAL_COMMA if comma else refusal.remedy
        )


def _values(column: pa.Array, wanted: Wanted, time_unit: str, as_text: bool) -> list[Any]:
    """Returns the cells as values of Python, and timestamps in `time_unit` if it is given."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type) and time_unit:
        return _stamps(column, time_unit)
    if pa.types.is_float32(column.type) or pa.types.is_float16(column.type):
        column = column.cast(pa.string()).cast(pa.float64()) if wanted.kind == DECIMAL else column.cast(pa.float64())
    if not as_text and (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        column = column.cast(pa.large_binary())  # pyarrow does not look whether texts of Parquet are UTF-8
    return [_value(cell) for cell in column]


def _stamps(column: pa.Array, unit: str) -> list[Any]:
    values = stamps_ms(column).tolist()
    present = column.is_valid().to_pylist()
    if unit == "rfc3339":
        zone = "Z" if column.type.tz is not None else ""
        return [_rfc3339(value, zone) if has else None for value, has in zip(values, present, strict=True)]
    per_ms = {"ms": 1, "us": 1_000, "s": 1}[unit]
    scaled = [value / 1_000 if unit == "s" else value * per_ms for value in values]
    return [value if has else None for value, has in zip(scaled, present, strict=True)]


def _rfc3339(time_ms: int, zone: str) -> str | int:
    """Returns a time as a text, or the number itself beyond the years 1 to 9999."""
    try:
        return (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=time_ms)).isoformat() + zone
    except OverflowError:
        return time_ms


def _value(cell: pa.Scalar) -> Any:
    try:
        return cell.as_py()
    except (ValueError, OverflowError):  # a time that Python's datetime cannot hold
        return str(cell.cast(pa.string()))
