"""The template `ew_mean`: the exponentially weighted mean of a value, in which newer events count more."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.half_life import HALF_LIFE, decayed
from features.definitions.parameters import ENTITY, NUMBER_VALUE, WHERE
from features.definitions.template import Recipe, Template


def _recipe(reader: DefinitionReader) -> Recipe:
    return Recipe((Reading(Code.EW_MEAN, reader.number(), decayed(reader), reader.where()),))


TEMPLATE = Template(
    name="ew_mean",
    meaning="The mean of a value over all events, each half as heavy after every half-life. Missing where no event has the value.",
    unit="that of the value",
    parameters=(NUMBER_VALUE, HALF_LIFE, ENTITY, WHERE),
    recipe=_recipe,
    state_words=6,
    cost_ns=60,
    example="- {name: usual_amount, template: ew_mean, value: event.amount, half_life: 12h}",
)
