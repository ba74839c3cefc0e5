"""The template `distinct`: the number of different values."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import ANY_VALUE, CURRENT, ENTITY, NO_DELAY, NO_VALUES_FOR_EVER, WHERE, WINDOW
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.DISTINCT, reader.anything(), reader.window(), reader.where(), reader.before()),))


TEMPLATE = Template(
    name="distinct",
    meaning="The number of different values in the window: of numbers, texts or ids. Exact; 0 where no event has one.",
    unit="values",
    parameters=(ANY_VALUE, ENTITY, WINDOW, WHERE, CURRENT),
    recipe=_recipe,
    unsuited=NO_DELAY | NO_VALUES_FOR_EVER,
    state_words=4,
    value_words=2,
    cost_ns=100,
    example="- {name: terminals_1h, template: distinct, value: event.terminal_id, window: 1h}",
)
