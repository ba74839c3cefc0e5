"""The template `rate`: the number of events per hour or other length of time."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import CURRENT, ENTITY, MAYBE_VALUE, WHERE, WINDOW
from features.definitions.template import Current, Finish, Parameter, Recipe, Template
from foundation.number_arrays import Float64s

_HOUR_MS = 3_600_000
_PER = Parameter("per", "the length of time for which the rate is given", "1h")
_NO_LENGTH = "a rate is a count divided by the window's length"


def _recipe(reader: DefinitionReader) -> Recipe:
    column = reader.anything() if reader.has("value") else ""
    window = reader.window()
    return Recipe(
        (Reading(Code.COUNT, column, window, reader.where(), reader.before()),),
        _finish(window.length_ms / reader.length_ms("per", _HOUR_MS)),
    )


def _finish(lengths: float) -> Finish:
    def per_length(read: Float64s, current: Current) -> Float64s:
        return read[:, 0] / lengths

    return per_length


TEMPLATE = Template(
    name="rate",
    meaning="The number of events in the window per hour of its length, or per another length of time.",
    unit="events per length",
    parameters=(_PER, MAYBE_VALUE, ENTITY, WINDOW, WHERE, CURRENT),
    recipe=_recipe,
    unsuited=dict.fromkeys(("calendar", "session", "last", "unbounded"), _NO_LENGTH),
    state_words=3,
    cost_ns=30,
    example="- {name: payments_per_day, template: rate, per: 1d, window: 30d}",
)
