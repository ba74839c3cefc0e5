"""Writes cells of tables as JSON, as the field of an event would have held them had the row come as a live event.

A table has other types than JSON. A cell that stands for a value of its field's type becomes that value: a whole number in a
column of floats is a whole number, 0 and 1 are truth values, digits in a column of numbers are a text. Any other cell keeps its
own type, so that the decoder refuses it by the same words as in a live event. Null, NaN and an empty cell of CSV are absent.
"""

import datetime
import decimal
import math
import re
from typing import Any, NamedTuple

import msgspec

from features.schema.schema import OPERATION, Schema
from foundation.refusal import Refusal
from pipeline.tables.marked_text import NOT_UTF8

TEXT, KEY, INTEGER, FLOAT, DECIMAL, BOOLEAN, TIME = "text", "key", "integer", "float", "decimal", "boolean", "time"
"""A field may want a text, a text or whole number that names an entity, a number of three kinds, a truth value, or an RFC 3339 time."""
EXACT_MAX = 1 << 53
"""Every whole number below it is exact as a float; from it on a digit may be lost."""
WHOLE = r"^-?(?:0|[1-9][0-9]*)(?:\.0+)?$"
NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
TRUTHS = {"true": b"true", "True": b"true", "TRUE": b"true", "1": b"true", "1.0": b"true"}
TRUTHS |= {"false": b"false", "False": b"false", "FALSE": b"false", "0": b"false", "0.0": b"false"}
_WHOLE = re.compile(WHOLE)
_NUMBER = re.compile(NUMBER)
_OF_TYPE = {"decimal": DECIMAL, "float": FLOAT, "integer": INTEGER, "boolean": BOOLEAN, "string": TEXT}
_TIMES = {"ms": INTEGER, "us": INTEGER, "s": FLOAT, "rfc3339": TIME}
_encode = msgspec.json.Encoder(enc_hook=str).encode


class Wanted(NamedTuple):
    """A field that an event is read from: its name, what it wants, and whether an event without it is refused."""

    name: str
    kind: str
    required: bool


def wanted_of(schema: Schema) -> list[Wanted]:
    """Returns the fields that the decoder reads, in no order that matters."""
    return [
        Wanted(schema.id_field, INTEGER if schema.id_type == "integer" else TEXT, True),
        Wanted(schema.time_field, _TIMES[schema.time_unit], True),
        Wanted(schema.user, KEY, True),
        Wanted(OPERATION, TEXT, False),
        *(Wanted(name, KEY, False) for name in schema.entities),
        *(Wanted(field.name, _OF_TYPE[field.type], field.required) for field in schema.fields),
    ]


def json_of(cells: dict[str, bytes]) -> bytes:
    """Joins `cells`, which holds JSON by field, to one JSON object; dots in a name lead into nested objects."""
    tree: dict[str, Any] = {}
    for name, cell in cells.items():
        *parents, last = name.split(".")
        at = tree
        for parent in parents:
            at = at.setdefault(parent, {})
        at[last] = msgspec.Raw(cell)
    return _encode(tree)


def cell_of_text(text: str, kind: str, where: str) -> bytes | None:
    """Returns a cell of CSV as JSON, or None for an empty one.

    Raises:
        Refusal: the cell is not UTF-8.
    """
    if NOT_UTF8 in text:
        raise _not_utf8(where, text.replace(NOT_UTF8, "\N{REPLACEMENT CHARACTER}"))
    if not text:
        return None
    if kind == INTEGER and _WHOLE.match(text):
        return text.partition(".")[0].encode()
    if kind in (FLOAT, DECIMAL) and _NUMBER.match(text):
        return text.encode()
    if kind == BOOLEAN and text in TRUTHS:
        return TRUTHS[text]
    return _encode(text)


def cell_of_value(value: Any, kind: str, where: str) -> bytes | None:
    """Returns a cell of Parquet, as pyarrow gives it to Python, as JSON, or None for null and NaN.

    Raises:
        Refusal: the cell holds bytes that are not UTF-8.
    """
    if isinstance(value, bytes):
        value = _decoded(value, where)
    if value is None or value != value:
        return None
    if isinstance(value, bool | int | float | decimal.Decimal):
        return _json_number(value, kind)
    if isinstance(value, datetime.datetime):
        return _encode(value.isoformat())
    return _encode(value)


def _json_number(value: bool | int | float | decimal.Decimal, kind: str) -> bytes:
    if isinstance(value, float) and not math.isfinite(value):
        return _encode(str(value))
    if kind == BOOLEAN and value in (0, 1):
        return b"true" if value else b"false"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    whole = int(value)
    if kind in (TEXT, KEY, INTEGER) and value == whole and (isinstance(value, int) or abs(whole) < EXACT_MAX):
        return f'"{whole}"'.encode() if kind == TEXT else str(whole).encode()
    if isinstance(value, decimal.Decimal):
        return f'"{value:f}"'.encode() if kind == DECIMAL else _encode(float(value))
    return str(value).encode() if isinstance(value, int) else _encode(value)


def _decoded(cell: bytes, where: str) -> str:
    try:
        return cell.decode()
    except UnicodeDecodeError as error:
        raise _not_utf8(where, repr(cell)) from error


def _not_utf8(where: str, got: str) -> Refusal:
    return Refusal("not UTF-8", where=where, expected="a text in UTF-8", got=got, remedy="save the file as UTF-8")
