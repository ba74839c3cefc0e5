"""What a template of features is: how a few words in features.yaml become numbers of windows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from features.definitions.aggregate import Reading
from features.expressions.expression import Expression
from foundation.number_arrays import Float64s, Int64s

NUMBER, FLAG = "number", "flag"
"""Types of features; a flag is 1 or 0."""


class Current(NamedTuple):
    """The events that are being finished.

    Args:
        values: their row words, [n, columns].
        places: where in a row each column stands, and what its values are divided by.
        times_ms: of the events.
    """

    values: Float64s
    places: Mapping[str, tuple[int, float]]
    times_ms: Int64s

    def number(self, column: str) -> Float64s:
        """The events' own values of a row column, in its own unit; NaN where there is none."""
        at, scale = self.places[column]
        values: Float64s = self.values[:, at]
        return values / scale if scale != 1.0 else values


Finish = Callable[[Float64s, Current], Float64s]
"""From [n, readings] to the feature's values [n]; arithmetic without a result gives NaN."""


class Recipe(NamedTuple):
    """How a feature is made.

    Args:
        readings: of windows, at the stage of its entity.
        finish: what to make of them; None: the feature is its only reading.
        type: NUMBER or FLAG.
        expression: over events and other features, at the user stage, instead of both.
    """

    readings: tuple[Reading, ...]
    finish: Finish | None = None
    type: str = NUMBER
    expression: Expression | None = None


class Parameter(NamedTuple):
    """What may be said in a feature's definition.

    Args:
        default: in words; '' where it may be left out and then does not apply, None where it must be given.
    """

    name: str
    meaning: str
    default: str | None = None


@dataclass(frozen=True)
class Template:
    """One way to make features.

    Args:
        name: as in ``template: name``.
        meaning: one paragraph.
        unit: what comes out is measured in.
        parameters: beside name, template, description and owner.
        recipe: reads a definition (a `features.definitions.definition_reader.Given`) and says how to make the feature.
        unsuited: forms of windows, or ``delay``, that make no sense, with the reason.
        state_words: 64-bit words an entity, roughly, beside its history; windows that share sums take less.
        value_words: words for each different value within the window.
        cost_ns: an event, roughly.
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
        """Whether a definition may say `parameter`."""
        return any(known.name == parameter for known in self.parameters)


def template_entry(template: Template) -> dict[str, object]:
    """What there is to say of a template, for people and programs."""
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
    """a / b, and NaN where b is 0."""
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
