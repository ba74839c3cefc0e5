"""What share of earlier values is less."""

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
        "The share of the events before this one in the window with less than its value; equal values count half. Exact."
        " Missing where none of them has a value, and where the event has none."
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
