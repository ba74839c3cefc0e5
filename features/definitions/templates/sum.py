"""The sum of a value."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import Given
from features.definitions.parameters import AGGREGATE
from features.definitions.template import Recipe, Template


def _recipe(given: Given) -> Recipe:
    return Recipe((Reading(Code.SUM, given.number(), given.window(), given.where(), given.before()),))


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
