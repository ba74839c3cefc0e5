"""Says in whole phrases what is wrong with a text that is not JSON or has another shape, in place of the decoder's messages."""

import re
from typing import Final, NamedTuple

import msgspec

from foundation.refusal import shortened

_MALFORMED: Final = re.compile(r"JSON is malformed: (.*) \(byte (\d+)\)")
_WRONG_TYPE: Final = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_OUT_OF_BOUNDS: Final = re.compile(r"Expected `([^`]*)` (.*)")
_MISSING: Final = re.compile(r"Object missing required field `([^`]*)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `([^`]*)`")
_ENUM: Final = re.compile(r"Invalid enum value (.*)")
_PLACE: Final = re.compile(r" - at `\$[^`]*`$")
_MOMENT: Final = "a date and time in RFC 3339 with a zone"
_TYPES: Final = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
    "datetime": "a date and time in RFC 3339",
}


class Fault(NamedTuple):
    """What was expected in place of a value, '' if only its caller can say, and what was found."""

    expected: str
    got: str


def text_fault(error: Exception) -> str:
    """What a text is that the decoder could not read as JSON, with the offset in bytes from 0."""
    message = str(error)
    if isinstance(error, RecursionError):
        return "values that are nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"bytes that are not UTF-8, at byte {error.start}"
    if "truncated" in message:
        return "a text that ends too early"
    malformed = _MALFORMED.search(message)
    if malformed is None:
        return shortened(message)
    what, byte = malformed.groups()
    wanted = what.removeprefix("expected ")
    return f"a text without {wanted} at byte {byte}" if wanted != what else f"a text with a fault at byte {byte}: {what}"


def shape_fault(error: msgspec.ValidationError) -> Fault:
    """What is wrong with a value that is JSON and not of the shape that was asked for."""
    message = _PLACE.sub("", str(error))
    if named := _MISSING.fullmatch(message):
        return Fault("", f"an object without the field {named[1]}")
    if named := _UNKNOWN.fullmatch(message):
        return Fault("", f"an object with the unknown field {shortened(named[1])}")
    if named := _WRONG_TYPE.fullmatch(message):
        return Fault(type_words(named[1]), type_words(named[2]))
    if "timezone" in message:
        return Fault(_MOMENT, "a date and time without a zone")
    if named := _OUT_OF_BOUNDS.fullmatch(message):
        return Fault(f"{type_words(named[1])} {named[2]}", f"{type_words(named[1])} outside of this")
    if named := _ENUM.fullmatch(message):
        return Fault("", f"the value {shortened(named[1])}")
    if "datetime" in message or "RFC3339" in message:
        return Fault(_MOMENT, "another text")
    return Fault("", "a number out of range" if message == "Number out of range" else shortened(message))


def type_words(types: str) -> str:
    """The decoder's names of types, such as ``int | null``, in words."""
    names = [_TYPES.get(name, name) for name in types.split(" | ")]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
