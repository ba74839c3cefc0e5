"""Says in words what a feature is and what a value of it means, for reasons that people read."""

import math
from collections.abc import Mapping

from features.definitions.definition import Definition
from features.definitions.entity_parser import parts_of
from features.definitions.template import FLAG

_COUNTED = ("events", "values", "users")
"""Units of templates that count something: the number stands before what it counts."""
_UNITS = {"kilometres": " km", "kilometres an hour": " km an hour", "standard deviations": " standard deviations", "bits": " bits"}
_NOUNS = {
    "count": "events",
    "linked_count": "linked users",
    "label_count": "frauds",
    "label_rate": "share of fraud",
    "distinct": "different values of {}",
    "sum": "{} in total",
    "mean": "mean {}",
    "std": "spread of {}",
    "min": "smallest {}",
    "max": "largest {}",
}
"""What the value of a template is, where a feature has no description; the field that it reads takes the place of the braces."""
_LENGTHS = ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second"))
_UNIT_NAMES = {"d": "day", "h": "hour", "m": "minute", "s": "second"}


def phrase_of(definition: Definition) -> str:
    """Returns what a feature is: its description, or else what its template, field, entity and window say."""
    if definition.description:
        return definition.description.rstrip(".")
    noun = _NOUNS.get(definition.template.name)
    if noun is None or "where" in definition.written:  # what a condition means, the name says better
        return plain_name(definition.name)
    field = str(definition.written.get("value", "event")).removeprefix("event.")
    entity = definition.written.get("entity")
    whose = f" of the {entity_in_words(definition.kind)}" if entity is not None else ""
    return noun.format(plain_name(field)) + whose + _window_in_words(definition.written.get("window"))


def said(definition: Definition, value: float) -> str:
    """Returns what it means that a feature has `value`: "3 payments in 1 minute", "speed of the card: 830 km an hour"."""
    phrase = phrase_of(definition)
    if math.isnan(value):
        return f"{phrase}: missing"
    if is_flag(definition):
        return phrase if value else f"not {phrase}"
    if definition.template.unit in _COUNTED and value != 1.0:
        return f"{number_in_words(value)} {phrase[:1].lower()}{phrase[1:]}"
    return f"{phrase}: {value_in_words(definition, value)}"


def is_flag(definition: Definition) -> bool:
    """Tells whether a feature says that something is so, or is not."""
    return definition.recipe.type == FLAG


def value_in_words(definition: Definition, value: float) -> str:
    """Returns a value of a feature with its unit."""
    unit = definition.template.unit
    if unit == "seconds":
        return length_in_words(value)
    if unit == "share, 0 to 1":
        return f"{number_in_words(100.0 * value)} %"
    return number_in_words(value) + _UNITS.get(unit, "")


def number_in_words(value: float) -> str:
    """Returns a number as people write it: two decimals at most from 1 on, two digits below, groups of three digits, no exponent.

    Below a ten thousandth it is "almost 0". From 1e15 on it has an exponent all the same, since its digits are not known.
    """
    if abs(value) >= 1e15:
        return f"{value:.3g}"
    if 0.0 < abs(value) < 1e-4:
        return "almost 0"
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:,.2f}".rstrip("0").rstrip(".") if abs(value) >= 1.0 else f"{value:.2g}"


def length_in_words(seconds: float) -> str:
    """Returns a length of time in the greatest unit of which it has at least two, in whole numbers: "90 seconds", "3 days"."""
    length, unit = next(((length, unit) for length, unit in _LENGTHS if seconds >= 2.0 * length), _LENGTHS[-1])
    return _counted(round(seconds / length), unit)


def entity_in_words(kind: str) -> str:
    """Returns the name of an entity type without the ending of its field: "customer" of ``customer_id``."""
    return " and ".join(plain_name(part.lower().removesuffix("_id")) for part in parts_of(kind))


def plain_name(name: str) -> str:
    """Returns a name with spaces in place of underscores and dots."""
    return name.replace("_", " ").replace(".", " ")


def _window_in_words(window: object) -> str:
    if isinstance(window, Mapping):
        if "last" in window:
            return f" over the last {window['last']}"
        length = str(window.get("length", window.get("session", "")))
        until = f", up to {_length(str(window['delay']))} ago" if "delay" in window else ""
        return f" in {_length(length)}{until}" if length else ""
    return f" in {_length(window)}" if isinstance(window, str) and window != "unbounded" else ""


def _length(text: str) -> str:
    number, unit = text[:-1], _UNIT_NAMES.get(text[-1:])
    return _counted(int(number), unit) if unit and number.isdigit() else text


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"
