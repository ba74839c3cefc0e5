"""The template `quantile_rank`: the share of earlier values that are less."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import COMPARED, ENTITY, NO_VALUES_FOR_EVER, NUMBER_VALUE, WHERE, WINDOW
from features.definitions.template import Current, Recipe, Template, divided
from foundation.number_arrays import Float64s


def _recipe(reader: DefinitionReader) -> Recipe:
    scope = (reader.number(), reader.window(), reader.where(), True)
    return Recipe((Reading(Code.LESS, *scope), Reading(Code.EQUAL, *scope), Reading(Code.COUNT, *scope)), _rank)


def _rank(read: Float64s, current: Current) -> Float64s:
    return divided(read[:, 0] + 0.5 * read[:, 1], read[:, 2])


TEMPLATE = Template(
    name="quantile_rank",
    meaning=(
        "The share of the window's earlier values that are less than this event's; equal values count half. It is exact."
        " Missing where no earlier event has a value, or this event has none."
    ),
    unit="share, 0 to 1",
    parameters=(NUMBER_VALUE, ENTITY, WINDOW, WHERE),
    recipe=_recipe,
    unsuited=COMPARED | NO_VALUES_FOR_EVER,
    state_words=4,
    value_words=3,
    cost_ns=200,
    example="- {name: amount_rank, template: quantile_rank, value: event.amount, window: {last: 50}}",
)
