"""JSON bodies: a body that is not JSON is answered with 400, and one with a wrong field with 422 and the name of the field."""

import re
from typing import TypeVar

import msgspec

from features.schema.duplicate_keys import refuse_repeated_keys
from foundation.json_faults import shape_fault, text_fault
from foundation.refusal import Refusal

Shape = TypeVar("Shape")
NOT_JSON = "not JSON"
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`")


def read_json(body: bytes, shape: type[Shape], where: str, expected: str) -> Shape:
    """Decodes `body` as a value of the type `shape`.

    Args:
        where: a name for the body, such as ``label``, for the refusal.
        expected: a description of the shape in words, for the refusal.

    Raises:
        Refusal: the body is not JSON, has one key twice, or is not of that shape. The refusal names the field at fault.
    """
    try:
        read = msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        unknown = _UNKNOWN.search(str(error))
        field = place[1] if place and place[1][:1] != "[" else ""
        fault = shape_fault(error)
        wanted = (field and fault.expected) or expected
        raise Refusal(f"bad {where}", where=unknown[1] if unknown else field or where, expected=wanted, got=fault.got) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(NOT_JSON, where=where, expected=expected, got=text_fault(error)) from error
    refuse_repeated_keys(body)
    return read


def read_array(body: bytes, where: str, expected: str) -> list[msgspec.Raw]:
    """Takes an array apart, whose elements their reader checks; the arguments are those of `read_json`.

    Raises:
        Refusal: the body is not JSON, or is no array.
    """
    try:
        return _decode_array(body)
    except msgspec.ValidationError as error:
        raise Refusal(f"bad {where}", where=where, expected=expected, got=shape_fault(error).got) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(NOT_JSON, where=where, expected=expected, got=text_fault(error)) from error
