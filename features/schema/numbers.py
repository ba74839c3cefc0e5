"""Reads numeric fields as float64, exactly or not at all."""

import decimal
import math
from collections.abc import Callable

from features.schema.schema import Field
from foundation.refusal import Refusal

MINOR_MAX = 10**15
INTEGER_MAX = 1 << 53
FLOAT_MAX = 1e15
FLOAT_NOISE = 2.0**-50
"""A JSON number within this relative distance of a decimal counts as that decimal; a text must be exact."""

Reader = Callable[[float | bool | str | None], float]


def column_reader(field: Field) -> Reader:
    """Returns the function that turns the JSON value of `field` into its float64; None gives NaN.

    A decimal becomes its whole number of minor units; a JSON number counts as the decimal from which it differs by at most a relative
    2**-50.
    The function raises `Refusal` for more digits than the scale, or for sizes beyond 10**15 minor units, 2**53 for an integer,
    10**15 for a float: beyond these, sums over a window would no longer be exact.
    """
    if field.type == "decimal":
        return _decimal_reader(field)
    limit = FLOAT_MAX if field.type == "float" else float(INTEGER_MAX)

    def read(value: float | bool | str | None) -> float:
        if value is None:
            return math.nan
        if not isinstance(value, str) and -limit <= value <= limit:
            return float(value)
        raise Refusal("number out of range", where=field.name, expected=f"a number from {-limit:g} to {limit:g}", got=value)

    return read


def _decimal_reader(field: Field) -> Reader:
    name, digits = field.name, field.scale
    scale = 10**digits
    limit = MINOR_MAX / scale
    expected = f"a decimal of at most {digits} digits after the point, within {limit:g}"

    def read(value: float | bool | str | None) -> float:
        if value.__class__ is float and -limit <= value <= limit:
            minor = round(value * scale)
            # Senders that compute in float64 write 233.64999999999998 for 233.65: noise in the last bits is not a digit.
            if abs(minor / scale - value) <= FLOAT_NOISE * abs(value):
                return float(minor)
        elif value is None:
            return math.nan
        elif isinstance(value, str):
            return _from_text(value, name, digits, expected)
        raise Refusal("not a decimal of this field", where=name, expected=expected, got=value)

    return read


def _from_text(value: str, name: str, digits: int, expected: str) -> float:
    try:
        exact = decimal.Decimal(value) if len(value) <= 40 else decimal.Decimal("NaN")
        if exact.is_finite() and abs(exact.adjusted()) <= 40:
            minor = exact.scaleb(digits)
            if minor == minor.to_integral_value() and abs(minor) <= MINOR_MAX:
                return float(int(minor))
    except decimal.InvalidOperation:
        pass  # not a number: refused below, with the text as it came
    raise Refusal("not a decimal of this field", where=name, expected=expected, got=value)
