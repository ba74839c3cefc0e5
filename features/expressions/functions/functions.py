"""Defines functions with their kernels: conversions, texts, times and mathematics."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from features.expressions.functions import arithmetic, conversions, texts, times
from features.expressions.functions.column import Column, Fault
from features.expressions.functions.kernel import Checked, Kernel, Plain
from features.expressions.functions.lookup import Lookup, Scalar
from features.expressions.functions.operators import CHECKED_COST, NUMBER_COST, TEXT_COST, add_operators
from features.expressions.functions.overloads import Overload, Overloads
from features.expressions.functions.types import Type
from features.expressions.functions.zones import Zone

BOOL, INT, DOUBLE, STRING, TIMESTAMP, DURATION = Type
_MATCH_COST = 1_500
_PART_COST = 30
_ZONE_COST = 150
_EXTREMES_MAX = 6
_CONVERSIONS: list[tuple[str, Type, Any, int]] = [
    ("int", DOUBLE, Checked(INT, conversions.ints_of_doubles, Fault.OUT_OF_RANGE), CHECKED_COST),
    ("int", STRING, Lookup(INT, conversions.int_of_text), TEXT_COST),
    ("int", TIMESTAMP, Plain(INT, times.seconds_of_timestamp), CHECKED_COST),
    ("double", INT, Plain(DOUBLE, arithmetic.doubles), NUMBER_COST),
    ("double", STRING, Lookup(DOUBLE, conversions.double_of_text), TEXT_COST),
    ("bool", STRING, Lookup(BOOL, conversions.bool_of_text), TEXT_COST),
    ("string", BOOL, Lookup(STRING, conversions.text_of_bool), TEXT_COST),
    ("string", INT, Lookup(STRING, str), TEXT_COST),
    ("string", DOUBLE, Lookup(STRING, conversions.text_of_double), TEXT_COST * 4),
    ("string", TIMESTAMP, Lookup(STRING, times.text_of_timestamp), TEXT_COST * 4),
    ("string", DURATION, Lookup(STRING, times.text_of_duration), TEXT_COST * 4),
    ("timestamp", INT, Checked(TIMESTAMP, times.timestamp_of_seconds, Fault.OUT_OF_RANGE), CHECKED_COST),
    ("timestamp", STRING, Lookup(TIMESTAMP, times.timestamp_of_text), TEXT_COST * 8),
    ("duration", STRING, Lookup(DURATION, times.duration_of_text), TEXT_COST * 8),
]
_TEXTS: list[tuple[str, tuple[Type, ...], Type, Scalar]] = [
    ("contains", (STRING,), BOOL, texts.contains),
    ("startsWith", (STRING,), BOOL, str.startswith),
    ("endsWith", (STRING,), BOOL, str.endswith),
    ("lowerAscii", (), STRING, texts.lower_ascii),
    ("upperAscii", (), STRING, texts.upper_ascii),
    ("trim", (), STRING, str.strip),
    ("charAt", (INT,), STRING, texts.character_at),
    ("indexOf", (STRING,), INT, str.find),
    ("lastIndexOf", (STRING,), INT, str.rfind),
    ("substring", (INT,), STRING, texts.tail),
    ("substring", (INT, INT), STRING, texts.substring),
    ("replace", (STRING, STRING), STRING, texts.replaced),
]
_PARTS: dict[str, Callable[[Any], Any]] = {
    "getFullYear": times.full_year,
    "getMonth": times.month,
    "getDate": times.date,
    "getDayOfMonth": times.day_of_month,
    "getDayOfWeek": times.day_of_week,
    "getDayOfYear": times.day_of_year,
    "getHours": times.hours,
    "getMinutes": times.minutes,
    "getSeconds": times.seconds,
    "getMilliseconds": times.milliseconds,
}
_LENGTHS: dict[str, Callable[[Any], Any]] = {
    "getHours": times.whole_hours,
    "getMinutes": times.whole_minutes,
    "getSeconds": times.whole_seconds,
    "getMilliseconds": times.rest_milliseconds,
}
_DOUBLES: dict[str, tuple[Type, Callable[..., Any]]] = {
    "math.ceil": (DOUBLE, np.ceil),
    "math.floor": (DOUBLE, np.floor),
    "math.trunc": (DOUBLE, np.trunc),
    "math.round": (DOUBLE, lambda a: np.copysign(np.floor(np.abs(a) + 0.5), a)),
    "math.sqrt": (DOUBLE, np.sqrt),
    "math.abs": (DOUBLE, np.abs),
    "math.sign": (DOUBLE, np.sign),
    "math.isNaN": (BOOL, np.isnan),
    "math.isInf": (BOOL, np.isinf),
    "math.isFinite": (BOOL, np.isfinite),
}


def _standard() -> Overloads:
    overloads = Overloads()
    add_operators(overloads)
    for name, source, kernel, cost in _CONVERSIONS:
        overloads.add(name, (source,), kernel, cost, "function")
    for type in Type:
        overloads.put(Overload(type.value, (type,), type, unchanged, 0, "function"))
    _add_texts(overloads)
    _add_times(overloads)
    _add_mathematics(overloads)
    return overloads


def _add_texts(overloads: Overloads) -> None:
    overloads.add("size", (STRING,), Lookup(INT, len), TEXT_COST, "either")
    matches = Overload("matches", (STRING, STRING), BOOL, None, _MATCH_COST, "either", _matches, "a pattern")
    overloads.put(matches)
    for name, arguments, result, function in _TEXTS:
        overloads.add(name, (STRING, *arguments), Lookup(result, function), TEXT_COST * 2, "method")


def _add_times(overloads: Overloads) -> None:
    utc = Zone("UTC")
    for name, part in _PARTS.items():
        overloads.put(Overload(name, (TIMESTAMP,), INT, times.PartOfTime(part, utc), _PART_COST, "method"))
        zoned = _in_zone(part)
        overloads.put(Overload(name, (TIMESTAMP, STRING), INT, None, _ZONE_COST, "method", zoned, "a zone"))
    for name, length in _LENGTHS.items():
        overloads.add(name, (DURATION,), Plain(INT, length), _PART_COST, "method")


def _add_mathematics(overloads: Overloads) -> None:
    for name, (result, function) in _DOUBLES.items():
        overloads.add(name, (DOUBLE,), Plain(result, function), CHECKED_COST, "function")
    overloads.add("math.abs", (INT,), Checked(INT, lambda a: (np.abs(a), a == np.iinfo(np.int64).min), Fault.OUT_OF_RANGE), 8, "function")
    overloads.add("math.sign", (INT,), Plain(INT, np.sign), CHECKED_COST, "function")
    for type in (INT, DOUBLE):
        for count in range(2, _EXTREMES_MAX + 1):
            overloads.add("math.least", (type,) * count, Plain(type, _least), CHECKED_COST * count, "function")
            overloads.add("math.greatest", (type,) * count, Plain(type, _greatest), CHECKED_COST * count, "function")


def _least(*values: Any) -> Any:
    return reduce(lambda a, b: np.where(b < a, b, a), values)


def _greatest(*values: Any) -> Any:
    return reduce(lambda a, b: np.where(b > a, b, a), values)


def _matches(pattern: str) -> Kernel:
    return Lookup(BOOL, texts.Pattern(pattern).found_in)


def _in_zone(part: Callable[[Any], Any]) -> Callable[[str], Kernel]:
    return lambda zone: times.PartOfTime(part, Zone(zone))


def unchanged(column: Column) -> Column:
    """Converts to the type that the values have already."""
    return column


STANDARD = _standard()
"""Every function and operator that an expression may use, except macros and those of lists and maps."""
