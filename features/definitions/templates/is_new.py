"""The template `is_new`: whether no earlier event of the window has the value."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import ANY_VALUE, COMPARED, ENTITY, NO_VALUES_FOR_EVER, WHERE, WINDOW
from features.definitions.template import FLAG, Recipe, Template, formula

_IS_NONE = formula("reading_0 == 0.0")


def _recipe(reader: DefinitionReader) -> Recipe:
    reading = Reading(Code.OWN, reader.anything(), reader.window(), reader.where(), before=True)
    return Recipe((reading,), _IS_NONE, FLAG)


TEMPLATE = Template(
    name="is_new",
    meaning="1 where no earlier event of the window has this event's value, else 0. Missing where this event has none.",
    unit="1 or 0",
    parameters=(ANY_VALUE, ENTITY, WINDOW, WHERE),
    recipe=_recipe,
    unsuited=COMPARED | NO_VALUES_FOR_EVER,
    state_words=4,
    value_words=2,
    cost_ns=100,
    example="- {name: new_device, template: is_new, value: event.device_id, window: 40d}",
)
