"""The sum of a value."""

from features.given import Given
from features.parameters import AGGREGATE
from features.reading import Code, Reading
from features.template import Recipe, Template


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
