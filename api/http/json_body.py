"""JSON bodies: 400 for what is no JSON, 422 with the field for what is another shape."""

import re
from typing import TypeVar

import msgspec

from features.schema.duplicate_keys import refuse_repeated_keys
from foundation.refusal import Refusal, shortened

Shape = TypeVar("Shape")
NOT_JSON = "not JSON"
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_PLACE = re.compile(r" - at `\$\.?([^`]*)`")


def read_json(body: bytes, shape: type[Shape], where: str, expected: str) -> Shape:
    """The value of `shape` in `body`.

    Args:
        where: what the body is.
        expected: in words, for the refusal.

    Raises:
        Refusal: it is no JSON, has one key twice, or is not of that shape; an unknown field is named.
    """
    try:
        read = msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        unknown = _UNKNOWN.search(str(error))
        field = place[1] if place and place[1][:1] != "[" else ""
        raise Refusal(
            f"bad {where}", where=unknown[1] if unknown else field or where, expected=expected, got=shortened(str(error), 200)
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(NOT_JSON, where=where, expected=expected, got=shortened(str(error), 200)) from error
    refuse_repeated_keys(body)
    return read
