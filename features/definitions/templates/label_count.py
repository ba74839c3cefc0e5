"""The template `label_count`: the number of positive labels."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import CURRENT, ENTITY, WHERE, WINDOW
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.LABEL_COUNT, "", reader.window(), reader.where(), reader.before()),))


TEMPLATE = Template(
    name="label_count",
    meaning="The number of events in the window whose label was positive and known at this event's time.",
    unit="events",
    parameters=(ENTITY, WINDOW, WHERE, CURRENT),
    recipe=_recipe,
    state_words=5,
    cost_ns=30,
    example="- {name: terminal_frauds_30d, template: label_count, entity: terminal_id, window: {length: 30d, delay: 7d}}",
)
