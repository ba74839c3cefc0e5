"""The template `top_share`: the share of the window's events that have one value."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import ANY_VALUE, CURRENT, ENTITY, NO_DELAY, NO_VALUES_FOR_EVER, WHERE, WINDOW
from features.definitions.template import Current, Parameter, Recipe, Template, divided
from foundation.number_arrays import Float64s

_OF = Parameter("of", "which value: the one that most events have (commonest), or the event's own (own)", "commonest")


def _recipe(reader: DefinitionReader) -> Recipe:
    own = reader.has("of") and reader.section.at("of").choice(("commonest", "own")) == "own"
    scope = (reader.anything(), reader.window(), reader.where(), reader.before())
    return Recipe((Reading(Code.OWN if own else Code.TOP, *scope), Reading(Code.COUNT, *scope)), _share)


def _share(read: Float64s, current: Current) -> Float64s:
    return divided(read[:, 0], read[:, 1])


TEMPLATE = Template(
    name="top_share",
    meaning=(
        "The share of the window's events that have its most common value, or this event's own value, among those that have any value."
        " Missing where no event has a value; with `of: own` also where this event has none."
    ),
    unit="share, 0 to 1",
    parameters=(ANY_VALUE, _OF, ENTITY, WINDOW, WHERE, CURRENT),
    recipe=_recipe,
    unsuited=NO_DELAY | NO_VALUES_FOR_EVER,
    state_words=4,
    value_words=2,
    cost_ns=120,
    example="- {name: usual_terminal_share, template: top_share, value: event.terminal_id, window: 30d}",
)
