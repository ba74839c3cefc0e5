"""The template `first`: the window's oldest value."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import AGGREGATE, NO_DELAY
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.FIRST, reader.number(), reader.window(), reader.where(), reader.before()),))


TEMPLATE = Template(
    name="first",
    meaning="The value of the oldest event of the window that has it; missing where none has.",
    unit="that of the value",
    parameters=AGGREGATE,
    recipe=_recipe,
    unsuited=NO_DELAY,
    state_words=3,
    cost_ns=40,
    example="- {name: first_of_session, template: first, value: event.amount, window: {session: 30m}}",
)
