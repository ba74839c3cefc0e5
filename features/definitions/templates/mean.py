"""The template `mean`: the mean of a value."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import AGGREGATE
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.MEAN, reader.number(), reader.window(), reader.where(), reader.before()),))


TEMPLATE = Template(
    name="mean",
    meaning="The mean of a value over the window; missing where no event has it.",
    unit="that of the value",
    parameters=AGGREGATE,
    recipe=_recipe,
    state_words=5,
    cost_ns=30,
    example="- {name: usual_amount_30d, template: mean, value: event.amount, window: 30d, include_current: false}",
)
