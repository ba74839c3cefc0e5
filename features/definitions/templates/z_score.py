"""The template `z_score`: how far a value is from the usual, in standard deviations."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import COMPARED, ENTITY, NUMBER_VALUE, WHERE, WINDOW
from features.definitions.template import Current, Finish, Recipe, Template, divided
from foundation.number_arrays import Float64s


def _recipe(reader: DefinitionReader) -> Recipe:
    column = reader.number()
    scope = (column, reader.window(), reader.where(), True)
    return Recipe((Reading(Code.MEAN, *scope), Reading(Code.STD, *scope)), _finish(column))


def _finish(column: str) -> Finish:
    def z_score(read: Float64s, current: Current) -> Float64s:
        return divided(current.number(column) - read[:, 0], read[:, 1])

    return z_score


TEMPLATE = Template(
    name="z_score",
    meaning=(
        "How many standard deviations the event's value is above the mean of the window's earlier values; negative below the mean."
        " Missing with fewer than two earlier values, where they are all equal, and where the event has no value."
    ),
    unit="standard deviations",
    parameters=(NUMBER_VALUE, ENTITY, WINDOW, WHERE),
    recipe=_recipe,
    unsuited=COMPARED,
    state_words=7,
    cost_ns=60,
    example="- {name: amount_unusual, template: z_score, value: event.amount, window: 30d}",
)
