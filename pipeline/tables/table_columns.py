"""Reads columns of tables as columns of events, each with a mask of the rows for which the decoder would certainly give the same.

Whatever is rare or doubtful is left to the decoder, so that each reader needs to be right only for the rows that it
marks. A reader may raise `UNREADABLE` when one cell does not let the whole column be read; then no row of it is certain.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.schema.decode import ID_CHARACTERS_MAX
from features.schema.event import ADD, OPERATIONS
from features.schema.numbers import FLOAT_MAX, FLOAT_NOISE, INTEGER_MAX, MINOR_MAX
from features.schema.schema import LAST_TIME_MS, Field, Schema
from pipeline.tables.cells import EXACT_MAX, NUMBER, TRUTHS, WHOLE
from pipeline.tables.marked_text import NOT_UTF8

UNREADABLE = (pa.ArrowException, UnicodeDecodeError, OverflowError)

Mask = NDArray[np.bool_]
Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]

_WHOLE_64_BITS = r"^-?(?:0|[1-9][0-9]{0,17})(?:\.0+)?$"
_ZONED = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})$"
_TRUE = pa.array([text for text, truth in TRUTHS.items() if truth == b"true"])
_FALSE = pa.array([text for text, truth in TRUTHS.items() if truth == b"false"])
_DECIMAL_DIGITS_MAX = 38


class Cells(NamedTuple):
    """Holds one column of a chunk: its `values`, without dictionaries or large types, and whether its file holds only texts, as CSV."""

    values: pa.Array
    as_text: bool


def cells_of(column: pa.Array, as_text: bool) -> Cells:
    """Returns `column` in plain types; an empty text of CSV becomes null."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type) or _is_binary(column.type):
        column = pc.cast(column, pa.string())
    if as_text:
        column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
    return Cells(column, as_text)


def texts_of(cells: Cells) -> tuple[list[str | None], Mask]:
    """Returns texts, and whole numbers as their digits; null becomes None."""
    column = cells.values
    if pa.types.is_string(column.type) or pa.types.is_null(column.type):
        marked = cells.as_text and _bools(pc.match_substring(column, NOT_UTF8))
        return column.to_pylist(), np.ones(len(column), np.bool_) & ~np.asarray(marked)
    numbers, sure = _whole(column)
    return pa.array(numbers, mask=~sure).cast(pa.string()).to_pylist(), sure | _is_null(column)


def keys_of(cells: Cells, required: bool) -> tuple[list[str], Mask]:
    """Returns ids of entities; an absent one is the empty text."""
    texts, sure = texts_of(cells)
    given = [text or "" for text in texts]
    lengths = np.fromiter(map(len, given), np.int64, len(given))
    return given, sure & (lengths <= ID_CHARACTERS_MAX) & (lengths >= int(required))


def integers_of(cells: Cells) -> tuple[Int64s, Mask]:
    """Returns whole numbers of 64 bits; null is not certain."""
    column = cells.values
    if not cells.as_text:
        return _whole(column)
    fits = _matches(column, _WHOLE_64_BITS)
    digits = pc.replace_substring_regex(column, r"\.0+$", "")
    return _int64s(pc.cast(_where(fits, digits), pa.int64())), fits


def numbers_of(cells: Cells, field: Field) -> tuple[Float64s, Mask]:
    """Returns a numeric field as `features.schema.numbers.column_reader` does; an absent number is NaN."""
    values, sure = _booleans(cells) if field.type == "boolean" else _floats(cells, field)
    absent = np.isnan(values)
    with np.errstate(invalid="ignore", over="ignore"):
        if field.type == "decimal":
            values, fits = _minor_units(values, field.scale)
        elif field.type == "float":
            fits = np.abs(values) <= FLOAT_MAX
        else:
            fits = (np.abs(values) < INTEGER_MAX) & (np.rint(values) == values)  # a float of 2**53 may stand for the next one
    if field.type != "float":
        values = values + 0.0  # -0.0 becomes 0.0, as it does in the decoder
    return values, np.where(absent, _is_null(cells.values) & (not field.required), sure & fits)


def times_of(cells: Cells, schema: Schema) -> tuple[Int64s, Mask]:
    """Returns times in milliseconds since the epoch; only those from `schema.min_time_ms` on (inclusive) are certain."""
    times_ms, sure = _times(cells, schema.time_unit)
    return times_ms, sure & (times_ms >= schema.min_time_ms) & (times_ms <= LAST_TIME_MS)


def operations_of(cells: Cells) -> tuple[NDArray[np.int8], Mask]:
    """Returns the code of the operation of each row; null is `ADD`."""
    names, sure = texts_of(cells)
    codes = np.fromiter((ADD if name is None else OPERATIONS.get(name, -1) for name in names), np.int8, len(names))
    return codes, sure & (codes >= 0)


def stamps_ms(column: pa.Array) -> Int64s:
    """Returns timestamps in ms since the epoch, and 0 for null. Nanoseconds are first rounded to microseconds, as in RFC 3339 texts."""
    stamps = _int64s(pc.cast(column, pa.int64()))
    unit = column.type.unit
    if unit == "ns":
        return ((stamps // 1_000) + (stamps % 1_000 >= 500)) // 1_000
    if unit == "us":
        return stamps // 1_000
    if unit == "ms":
        return stamps
    return np.clip(stamps, -LAST_TIME_MS, LAST_TIME_MS) * 1_000


def _times(cells: Cells, unit: str) -> tuple[Int64s, Mask]:
    column = cells.values
    if pa.types.is_timestamp(column.type):
        # A number of ms, s or us since the epoch has no zone either; a field in RFC 3339 asks for one.
        sure = _present(column) & (unit != "rfc3339" or column.type.tz is not None)
        return stamps_ms(column), sure
    if unit == "rfc3339":
        fits = _matches(column, _ZONED)
        return _int64s(pc.cast(pc.cast(_where(fits, column), pa.timestamp("us", "UTC")), pa.int64())) // 1_000, fits
    if unit == "s":
        values, sure = _floats(cells, None)
        near = np.abs(values) < LAST_TIME_MS
        return np.rint(np.where(near, values, 0) * 1_000).astype(np.int64), sure & near
    whole, sure = integers_of(cells)
    return whole // 1_000 if unit == "us" else whole, sure


def _minor_units(values: Float64s, digits: int) -> tuple[Float64s, Mask]:
    scale = 10**digits
    minor = np.rint(values * scale)
    fits = (np.abs(values) <= MINOR_MAX / scale) & (np.abs(minor / scale - values) <= FLOAT_NOISE * np.abs(values))
    return minor, fits


def _floats(cells: Cells, field: Field | None) -> tuple[Float64s, Mask]:
    """Returns the cells as float64, NaN for null, and a mask of the cells that stand for a number."""
    column = cells.values
    if cells.as_text:
        fits = _matches(column, WHOLE if field is not None and field.type == "integer" else NUMBER)
        values = _float64s(pc.cast(_where(fits, column), pa.float64()))
        return values, fits & ~((values == 0) & np.signbit(values))
    if field is not None and field.type == "decimal" and pa.types.is_decimal(column.type):
        exact = pc.cast(column, pa.decimal128(_DECIMAL_DIGITS_MAX, field.scale))  # raises where a digit would be lost
        return _float64s(pc.cast(exact, pa.float64())), _present(column)
    if field is not None and field.type == "decimal" and (pa.types.is_float32(column.type) or pa.types.is_float16(column.type)):
        column = pc.cast(pc.cast(column, pa.string()), pa.float64())  # the shortest decimal that is this float32
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return _float64s(pc.cast(column, pa.float64(), safe=False)), _present(column)
    return np.full(len(column), np.nan), np.zeros(len(column), np.bool_)


def _booleans(cells: Cells) -> tuple[Float64s, Mask]:
    column = cells.values
    if cells.as_text:
        true, false = (_bools(pc.is_in(column, value_set=texts)) for texts in (_TRUE, _FALSE))
        return np.where(true, 1.0, np.where(_is_null(column), np.nan, 0.0)), true | false
    if pa.types.is_boolean(column.type):
        return _float64s(pc.cast(column, pa.float64())), _present(column)
    values, sure = _floats(cells, None)
    return values, sure & ((values == 0) | (values == 1))


def _whole(column: pa.Array) -> tuple[Int64s, Mask]:
    """Returns the whole numbers of a column of numbers; a float is certain only where it cannot have lost a digit."""
    if pa.types.is_integer(column.type):
        return _int64s(pc.cast(column, pa.int64())), _present(column)
    if not pa.types.is_floating(column.type):
        return np.zeros(len(column), np.int64), np.zeros(len(column), np.bool_)
    values = _float64s(pc.cast(column, pa.float64()))
    sure = (np.abs(values) < EXACT_MAX) & (np.rint(values) == values)
    return np.where(sure, values, 0).astype(np.int64), sure


def _is_binary(kind: pa.DataType) -> bool:
    kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)
    return any(is_one(kind) for is_one in kinds)


def _matches(column: pa.Array, pattern: str) -> Mask:
    if not pa.types.is_string(column.type):
        return np.zeros(len(column), np.bool_)
    return _bools(pc.match_substring_regex(column, pattern))


def _where(fits: Mask, column: pa.Array) -> pa.Array:
    """Returns `column` with null in place of what does not fit."""
    if not pa.types.is_string(column.type):
        return pa.nulls(len(column), pa.string())
    return column if fits.all() else pc.if_else(pa.array(fits), column, pa.scalar(None, pa.string()))


def _bools(column: pa.Array) -> Mask:
    found: Mask = pc.fill_null(column, False).to_numpy(zero_copy_only=False)
    return found


def _present(column: pa.Array) -> Mask:
    return _bools(pc.is_valid(column))


def _is_null(column: pa.Array) -> Mask:
    """Returns a mask of the cells that are null or NaN."""
    return _bools(pc.is_null(column, nan_is_null=True))


def _int64s(column: pa.Array) -> Int64s:
    values: Int64s = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
    return values


def _float64s(column: pa.Array) -> Float64s:
    values: Float64s = column.to_numpy(zero_copy_only=False)
    return values
