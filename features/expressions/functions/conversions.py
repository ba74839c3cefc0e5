"""Converts between types: whole columns of numbers, and single values where texts are involved."""

import math
import re

import numpy as np
from numpy.typing import NDArray

from features.expressions.functions.column import Fault
from features.expressions.syntax.literals import INT_MAX, INT_MIN

_INT = re.compile(r"[+-]?[0-9]{1,19}")
_DOUBLE = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(inf|infinity)|nan", re.IGNORECASE)
_DOUBLE_LENGTH_MAX = 400
_TRUE = frozenset(("true", "TRUE", "True", "t", "1"))
_FALSE = frozenset(("false", "FALSE", "False", "f", "0"))
_TWO_TO_63 = 2.0**63
_EXPONENT_MIN = -4  # least exponent of a double that is written without one
_EXPONENT_MAX = 5


def ints_of_doubles(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Returns doubles cut towards zero, and where the result does not fit; the ends of the range count as outside."""
    bad = ~((values > -_TWO_TO_63) & (values < _TWO_TO_63))
    return np.where(bad, 0.0, values).astype(np.int64), bad


def int_of_text(text: str) -> int | Fault:
    """Reads a decimal number with or without a sign."""
    if not _INT.fullmatch(text):
        return Fault.NOT_CONVERTIBLE
    value = int(text)
    return value if INT_MIN <= value <= INT_MAX else Fault.NOT_CONVERTIBLE


def double_of_text(text: str) -> float | Fault:
    """Reads a decimal number with or without sign, point and exponent, or an infinity or nan."""
    if len(text) > _DOUBLE_LENGTH_MAX or not _DOUBLE.fullmatch(text):
        return Fault.NOT_CONVERTIBLE
    return float(text)


def bool_of_text(text: str) -> bool | Fault:
    """Reads true, True, TRUE, t, 1 or their opposites."""
    return text in _TRUE if text in _TRUE or text in _FALSE else Fault.NOT_CONVERTIBLE


def text_of_bool(value: bool) -> str:
    """Writes true or false."""
    return "true" if value else "false"


def text_of_double(value: float) -> str:
    """Writes the shortest decimal text that reads back as the same double; with an exponent from 1e+06 on and below 1e-04."""
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    shortest = repr(value)
    digits = shortest.partition("e")[0].replace(".", "").strip("-0") or "0"
    scientific = f"{value:.{len(digits) - 1}e}"
    exponent = int(scientific.partition("e")[2])
    return shortest.removesuffix(".0") if _EXPONENT_MIN <= exponent <= _EXPONENT_MAX else scientific
