"""The template `min`: the least value."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import AGGREGATE
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.MIN, reader.number(), reader.window(), reader.where(), reader.before()),))


TEMPLATE = Template(
    name="min",
    meaning="The least value in the window; missing where no event has it.",
    unit="that of the value",
    parameters=AGGREGATE,
    recipe=_recipe,
    state_words=4,
    cost_ns=50,
    example="- {name: least_today, template: min, value: event.amount, window: {calendar: day, zone: Europe/Paris}}",
)
