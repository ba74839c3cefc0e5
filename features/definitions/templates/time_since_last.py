"""The template `time_since_last`: the time since the event before."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import COMPARED, ENTITY, WHERE, WINDOW
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.LAST_AGE, "", reader.window(), reader.where(), before=True),))


TEMPLATE = Template(
    name="time_since_last",
    meaning="The time from the newest earlier event of the window to this one; missing where there is none.",
    unit="seconds",
    parameters=(ENTITY, WINDOW, WHERE),
    recipe=_recipe,
    unsuited=COMPARED,
    state_words=3,
    cost_ns=30,
    example="- {name: since_last_abroad, template: time_since_last, window: unbounded, where: event.country != 'FR'}",
)
