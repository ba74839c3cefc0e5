"""The template `std`: the standard deviation of a value."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import AGGREGATE
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.STD, reader.number(), reader.window(), reader.where(), reader.before()),))


TEMPLATE = Template(
    name="std",
    meaning="The sample standard deviation (n - 1) of a value over the window; missing with fewer than two events that have it.",
    unit="that of the value",
    parameters=AGGREGATE,
    recipe=_recipe,
    state_words=7,
    cost_ns=35,
    example="- {name: amount_spread_7d, template: std, value: event.amount, window: 7d}",
)
