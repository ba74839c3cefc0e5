"""The least value."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import Given
from features.definitions.parameters import AGGREGATE
from features.definitions.template import Recipe, Template


def _recipe(given: Given) -> Recipe:
    return Recipe((Reading(Code.MIN, given.number(), given.window(), given.where(), given.before()),))


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
