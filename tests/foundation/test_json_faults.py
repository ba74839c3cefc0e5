"""Faults of JSON are said in whole phrases, and not in the decoder's words."""

import datetime
from typing import Annotated, Literal

import msgspec
import pytest

from foundation.json_faults import shape_fault, text_fault


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(max_length=3)]
    mode: Literal["off", "on"] = "off"
    at: int | datetime.datetime | None = None
    due: Annotated[datetime.datetime, msgspec.Meta(tz=True)] | None = None
    weight: Annotated[float, msgspec.Meta(gt=0)] = 1.0


@pytest.mark.parametrize(
    ("text", "got"),
    [
        (b"{", "a text that ends too early"), (b"", "a text that ends too early"),
        (b'{"name" 1}', "a text without ':' at byte 8"),
        (b"\xff", "a text with a fault at byte 0: invalid character"),
        (b'{"name":"\\x"}', "a text with a fault at byte 11: invalid escape character in string"),
        (b"[" * 5_000, "values that are nested too deeply"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_json_is_described(text: bytes, got: str) -> None:
    with pytest.raises((msgspec.DecodeError, RecursionError)) as caught:
        msgspec.json.decode(text)
    assert text_fault(caught.value) == got


def test_bytes_that_are_not_utf_8_are_described() -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        msgspec.json.decode(b'{"name":"a\xff"}')
    assert text_fault(caught.value) == "bytes that are not UTF-8, at byte 1"


@pytest.mark.parametrize(
    ("text", "expected", "got"),
    [
        (b"{}", "", "an object without the field name"),
        (b'{"name":"a","nmae":1}', "", "an object with the unknown field nmae"),
        (b"[]", "an object", "an array"),
        (b'{"name":1}', "a text", "a whole number"),
        (b'{"name":"a","at":1.5}', "a whole number, a date and time in RFC 3339 or null", "a number"),
        (b'{"name":"a","at":"yesterday"}', "a date and time in RFC 3339 with a zone", "another text"),
        (b'{"name":"a","due":"2026-01-01T00:00:00"}', "a date and time in RFC 3339 with a zone", "a date and time without a zone"),
        (b'{"name":"abcd"}', "a text of length <= 3", "a text outside of this"),
        (b'{"name":"a","weight":0}', "a number > 0.0", "a number outside of this"),
        (b'{"name":"a","mode":"up"}', "", "the value 'up'"),
        (b'{"name":"a","at":1e400}', "", "a number out of range"),
    ],
)  # fmt: skip
def test_a_value_of_another_shape_is_described(text: bytes, expected: str, got: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(text, type=Shape)
    assert shape_fault(caught.value) == (expected, got)
