"""The template `transition_surprise`: how unusual a value is after the value before."""

import numpy as np

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import ANY_VALUE, COMPARED, ENTITY, NO_VALUES_FOR_EVER, WHERE, WINDOW
from features.definitions.row_column import Origin, RowColumn
from features.definitions.template import Current, Finish, Parameter, Recipe, Template
from foundation.number_arrays import Float64s

_SMOOTHING = Parameter("smoothing", "how often each value counts as seen although it was not", "1")
_SMOOTHING_RANGE = (1e-6, 1e6)


def _recipe(reader: DefinitionReader) -> Recipe:
    value, where, window = reader.anything(), reader.where(), reader.window()
    smoothing = reader.measure("smoothing", *_SMOOTHING_RANGE, default=1.0)
    reader.add(RowColumn(_named("previous", value, where), Origin.PREVIOUS, value, where=where))
    pair = reader.add(RowColumn(_named("pair", value, where), Origin.PAIR, value, where=where))
    origin = reader.add(RowColumn(_named("from", value, where), Origin.FROM, value, where=where))
    readings = (
        Reading(Code.OWN, pair, window, where, before=True),
        Reading(Code.OWN, origin, window, where, before=True),
        Reading(Code.DISTINCT, value, window, where, before=True),
    )
    return Recipe(readings, _finish(smoothing))


def _named(what: str, value: str, where: str) -> str:
    return f"{what}({value}, {where})" if where else f"{what}({value})"


def _finish(smoothing: float) -> Finish:
    def surprise(read: Float64s, current: Current) -> Float64s:
        pairs, starts, values = read[:, 0], read[:, 1], read[:, 2]
        share: Float64s = (pairs + smoothing) / (starts + smoothing * (values + 1.0))
        return -np.log2(share)

    return surprise


TEMPLATE = Template(
    name="transition_surprise",
    meaning=(
        "How rare it is among the window's earlier events that this value follows the one before it: -log2 of the share,"
        " smoothed so that a value never seen is rare, not impossible. Missing where the event or the one before has no value."
    ),
    unit="bits",
    parameters=(ANY_VALUE, _SMOOTHING, ENTITY, WINDOW, WHERE),
    recipe=_recipe,
    unsuited=COMPARED | NO_VALUES_FOR_EVER,
    state_words=12,
    value_words=4,
    cost_ns=300,
    example="- {name: odd_step, template: transition_surprise, value: event.merchant_category, window: 40d}",
)
