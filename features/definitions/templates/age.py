"""The template `age`: how long ago the window's oldest event was."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import CURRENT, ENTITY, NO_DELAY, WHERE, WINDOW
from features.definitions.template import Recipe, Template
from features.definitions.window import UNBOUNDED, Window


def _recipe(reader: DefinitionReader) -> Recipe:
    window = reader.window(Window(UNBOUNDED))
    return Recipe((Reading(Code.FIRST_AGE, "", window, reader.where(), reader.before()),))


TEMPLATE = Template(
    name="age",
    meaning=(
        "The time from the oldest event of the window to this one; over all events, how long the entity has been known. Missing where"
        " there is none."
    ),
    unit="seconds",
    parameters=(ENTITY, WINDOW._replace(default="unbounded"), WHERE, CURRENT),
    recipe=_recipe,
    unsuited=NO_DELAY,
    state_words=3,
    cost_ns=30,
    example="- {name: device_age, template: age, entity: device_id}",
)
