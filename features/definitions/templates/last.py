"""The template `last`: the window's newest value."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import AGGREGATE, NO_DELAY
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.LAST, reader.number(), reader.window(), reader.where(), reader.before()),))


TEMPLATE = Template(
    name="last",
    meaning=(
        "The value of the newest event of the window that has it; missing where none has. If the window includes the event itself,"
        " it is that event's own value, if it has one."
    ),
    unit="that of the value",
    parameters=AGGREGATE,
    recipe=_recipe,
    unsuited=NO_DELAY,
    state_words=3,
    cost_ns=30,
    example="- {name: last_dear_amount, template: last, value: event.amount, window: unbounded, where: event.amount > 100.0}",
)
