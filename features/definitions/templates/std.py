"""How much a value spreads."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import AGGREGATE
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.STD, reader.number(), reader.window(), reader.where(), reader.before()),))


TEMPLATE = Template(
    name="std",
    meaning="The standard deviation of a value over the window, of the sample (n - 1); missing below two events that have it.",
    unit="that of the value",
    parameters=AGGREGATE,
    recipe=_recipe,
    state_words=7,
    cost_ns=35,
    example="- {name: amount_spread_7d, template: std, value: event.amount, window: 7d}",
)
