"""Converts the text of a literal to its value."""

import re

INT_MIN = -(1 << 63)
INT_MAX = (1 << 63) - 1
_ESCAPE = re.compile(r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.?))", re.DOTALL)
_CONTROLS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CODE_MAX = 0x10FFFF


class BadLiteral(ValueError):  # noqa: N818 - what the user reads is a refusal
    """The literal has no value.

    Args:
        what, expected, got: as in a refusal.
        offset: offset of the fault from the literal's start, in characters.
    """

    def __init__(self, what: str, expected: str, got: str, offset: int = 0) -> None:
        super().__init__(what, expected, got, offset)
        self.what, self.expected, self.got, self.offset = what, expected, got, offset


def integer_of(text: str) -> int:
    """Returns the value of a decimal or hexadecimal literal with its sign."""
    value = int(text, 16 if "x" in text else 10)
    if not INT_MIN <= value <= INT_MAX:
        raise BadLiteral("number out of range", "an int of 64 bits", text)
    return value


def double_of(text: str) -> float:
    """Returns the value of a literal with a point or an exponent; beyond the largest double it is infinite."""
    return float(text)


def string_of(text: str) -> str:
    """Returns the value of a string literal: without quotes, and with escapes replaced unless it is raw."""
    raw = text[0] in "rR"
    quoted = text[1:] if raw else text
    width = 3 if quoted[:3] in ('"""', "'''") and len(quoted) >= 6 else 1
    body = quoted[width:-width]
    return body if raw else _ESCAPE.sub(lambda match: _replaced(match, width), body)


def _replaced(match: re.Match[str], width: int) -> str:
    simple, *codes, octal, other = match.groups()
    if simple:
        return _CONTROLS.get(simple, simple)
    offset = width + match.start()
    if other is not None:
        raise BadLiteral("unknown escape", r"one of \\ \n \t \" \' \xHH \uHHHH \UHHHHHHHH \OOO, or a raw string r'…'", match[0], offset)
    code = int(octal, 8) if octal else int(next(code for code in codes if code), 16)
    if code > _CODE_MAX or 0xD800 <= code <= 0xDFFF:
        raise BadLiteral("no such character", "a Unicode code point that is no surrogate", match[0], offset)
    return chr(code)
