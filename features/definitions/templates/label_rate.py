"""The template `label_rate`: the share of events that turned out positive."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import CURRENT, ENTITY, WHERE, WINDOW
from features.definitions.template import Current, Finish, Parameter, Recipe, Template, divided
from foundation.number_arrays import Float64s

_OF = Parameter("of", "what is divided by: all events of the window (all), or those with a label (labelled)", "all")
_PRIOR = Parameter("prior", "{rate: r, weight: k}: counts as if the window had k more events, a share r of them positive", "")
_WEIGHT_MAX = 1e9


def _recipe(reader: DefinitionReader) -> Recipe:
    labelled = reader.has("of") and reader.section.at("of").choice(("all", "labelled")) == "labelled"
    scope = ("", reader.window(), reader.where(), reader.before())
    if not reader.has("prior"):
        return Recipe((Reading(Code.LABELLED_RATE if labelled else Code.LABEL_RATE, *scope),))
    prior = reader.section.at("prior")
    prior.only("rate", "weight")
    rate, weight = prior.at("rate").number(0.0, 1.0), prior.at("weight").number(0.0, _WEIGHT_MAX)
    total = Reading(Code.LABELLED_COUNT if labelled else Code.COUNT, *scope)
    return Recipe((Reading(Code.LABEL_COUNT, *scope), total), _finish(rate, weight))


def _finish(rate: float, weight: float) -> Finish:
    def smoothed(read: Float64s, current: Current) -> Float64s:
        return divided(read[:, 0] + weight * rate, read[:, 1] + weight)

    return smoothed


TEMPLATE = Template(
    name="label_rate",
    meaning=(
        "The share of the window's events whose label was positive and known at this event's time. Missing where there is nothing to"
        " divide by; with a prior, few events stay close to its rate."
    ),
    unit="share, 0 to 1",
    parameters=(_OF, _PRIOR, ENTITY, WINDOW, WHERE, CURRENT),
    recipe=_recipe,
    state_words=5,
    cost_ns=30,
    example=(
        "- {name: terminal_risk, template: label_rate, entity: terminal_id, window: {length: 30d, delay: 7d},"
        " prior: {rate: 0.01, weight: 20}}"
    ),
)
