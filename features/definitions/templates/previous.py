"""The template `previous`: the value of the event before."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import COMPARED, ENTITY, NUMBER_VALUE, WHERE, WINDOW
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.LAST, reader.number(), reader.window(), reader.where(), before=True),))


TEMPLATE = Template(
    name="previous",
    meaning="The value of the newest earlier event of the window that has it; missing where none has.",
    unit="that of the value",
    parameters=(NUMBER_VALUE, ENTITY, WINDOW, WHERE),
    recipe=_recipe,
    unsuited=COMPARED,
    state_words=3,
    cost_ns=30,
    example="- {name: amount_before, template: previous, value: event.amount, window: 30d}",
)
