"""The template `sum`: the sum of a value."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import AGGREGATE
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.SUM, reader.number(), reader.window(), reader.where(), reader.before()),))


TEMPLATE = Template(
    name="sum",
    meaning="The sum of a value over the window; 0 where no event has it.",
    unit="that of the value",
    parameters=AGGREGATE,
    recipe=_recipe,
    state_words=5,
    cost_ns=30,
    example="- {name: spent_24h, template: sum, value: event.amount, window: 24h}",
)
