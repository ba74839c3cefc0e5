"""Defines templates, which turn a short definition in features.yaml into readings of windows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from features.definitions.aggregate import Reading
from features.expressions.expression import Expression, compile_expression
from features.expressions.functions.types import Type
from features.expressions.names import Names
from features.expressions.number_code import NumberCode
from foundation.number_arrays import Float64s, Int64s

READING = "reading_"
"""What the names of readings begin with in a formula."""
NUMBER, FLAG = "number", "flag"
"""Types of features; a flag is 1 or 0."""


class Current(NamedTuple):
    """Holds the events whose features are being computed.

    Args:
        values: [n, columns] their row values.
        places: by column, its index in a row and the divisor of its values.
        times_ms: [n] times of the events.
        shared: what several features are made of, under a key of whoever computes it first.
    """

    values: Float64s
    places: Mapping[str, tuple[int, float]]
    times_ms: Int64s
    shared: dict[str, Float64s]

    def number(self, column: str) -> Float64s:
        """Returns the events' own values [n] of a column, in its own unit; NaN where there is none."""
        at, scale = self.places[column]
        values: Float64s = self.values[:, at]
        return values / scale if scale != 1.0 else values


Finish = Callable[[Float64s, Current], Float64s]
"""Computes the feature's values [n] from readings [n, readings]; arithmetic without a result gives NaN."""


class Recipe(NamedTuple):
    """Says how a feature is computed.

    Args:
        readings: readings of windows, at the stage of its entity.
        finish: computes the feature from the readings, or is a table over those named ``reading_0`` and so on (see `formula`); None means
            that the only reading is the feature.
        type: NUMBER or FLAG.
        expression: instead of both, an expression over events and other features, at the user stage.
    """

    readings: tuple[Reading, ...]
    finish: Finish | NumberCode | None = None
    type: str = NUMBER
    expression: Expression | None = None


def formula(text: str, readings: int = 1) -> NumberCode:
    """Returns an expression over ``reading_0`` and so on, of which all are doubles, as a table; the feature is missing where the result is.

    It is computed with those of other features in one compiled call, where a function over arrays takes some microseconds a batch.
    """
    code = compile_expression(text, Names({f"{READING}{at}": Type.DOUBLE for at in range(readings)})).number_code
    assert code is not None, text
    return code


class Parameter(NamedTuple):
    """Describes a parameter of a feature's definition.

    Args:
        default: the default in words; '' if the parameter is optional and then does not apply, None if it is required.
    """

    name: str
    meaning: str
    default: str | None = None


@dataclass(frozen=True)
class Template:
    """Describes one way to compute features.

    Args:
        name: the name in ``template: name``.
        meaning: what the feature is, in one paragraph.
        unit: unit of the feature's values.
        parameters: parameters beside name, template, description, owner and usual_of.
        recipe: reads a definition (a `features.definitions.definition_reader.DefinitionReader`) and says how to compute the feature.
        unsuited: forms of windows, or ``delay``, that make no sense here, with the reason.
        state_words: 64-bit cells per entity, estimated, beside its history; windows that share sums take less.
        value_words: 64-bit cells for each different value within the window.
        cost_ns: estimated CPU time per event.
        example: a list of definitions that compiles over `EXAMPLE_SCHEMA`.
    """

    name: str
    meaning: str
    unit: str
    parameters: tuple[Parameter, ...]
    recipe: Callable[[Any], Recipe]
    cost_ns: int
    example: str
    unsuited: Mapping[str, str] = field(default_factory=dict)
    state_words: int = 0
    value_words: int = 0

    def has(self, parameter: str) -> bool:
        """Tells whether a definition may have `parameter`."""
        return any(known.name == parameter for known in self.parameters)


def template_entry(template: Template) -> dict[str, object]:
    """Describes a template for people and programs, as JSON-ready values."""
    return {
        "name": template.name,
        "meaning": template.meaning,
        "unit": template.unit,
        "parameters": [parameter._asdict() for parameter in template.parameters],
        "unsuited": dict(template.unsuited),
        "state_words": template.state_words,
        "value_words": template.value_words,
        "cost_ns": template.cost_ns,
        "example": template.example,
    }


def divided(a: Float64s, b: Float64s) -> Float64s:
    """Returns a / b [n], NaN where b is 0."""
    return np.where(b == 0.0, np.nan, a / b)


EXAMPLE_SCHEMA = """\
id: {field: transaction_id, type: integer}
time: {field: ts, unit: ms}
user: customer_id
entities: [terminal_id, device_id]
fields:
  amount: {type: decimal, scale: 2, retain: true}
  merchant_category: {type: string, retain: true}
  country: {type: string, required: false}
  latitude: {type: float, required: false}
  longitude: {type: float, required: false}
retention: 40d
"""
