"""The template `max`: the greatest value."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import AGGREGATE
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.MAX, reader.number(), reader.window(), reader.where(), reader.before()),))


TEMPLATE = Template(
    name="max",
    meaning="The greatest value in the window; missing where no event has it.",
    unit="that of the value",
    parameters=AGGREGATE,
    recipe=_recipe,
    state_words=4,
    cost_ns=50,
    example="- {name: largest_90d, template: max, value: event.amount, window: 90d, include_current: false}",
)
