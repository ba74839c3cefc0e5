"""The template `count`: the number of events."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import CURRENT, ENTITY, MAYBE_VALUE, WHERE, WINDOW
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    column = reader.anything() if reader.has("value") else ""
    return Recipe((Reading(Code.COUNT, column, reader.window(), reader.where(), reader.before()),))


TEMPLATE = Template(
    name="count",
    meaning="The number of events in the window; with a value, of those that have it. 0 where there is none.",
    unit="events",
    parameters=(MAYBE_VALUE, ENTITY, WINDOW, WHERE, CURRENT),
    recipe=_recipe,
    state_words=3,
    cost_ns=25,
    example="- {name: small_payments_1h, template: count, window: 1h, where: event.amount < 5.0}",
)
