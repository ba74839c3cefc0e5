"""The template `burst`: how sudden a burst of events is."""

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import ENTITY, WHERE
from features.definitions.template import Parameter, Recipe, Template
from features.definitions.window import TICKS, Window

_TICK = Parameter("tick", "the length of time whose events are compared with the ticks before", "1m")
_THRESHOLD = Parameter("threshold", "a score from which on a tick's events do not count as usual", "1000")
_MINUTE_MS = 60_000
_THRESHOLD_MAX = 1_000_000_000


def _recipe(reader: DefinitionReader) -> Recipe:
    threshold = reader.section.at("threshold").integer(1, _THRESHOLD_MAX) if reader.has("threshold") else 1_000
    window = Window(TICKS, reader.length_ms("tick", _MINUTE_MS), count=threshold)
    return Recipe((Reading(Code.BURST, "", window, reader.where()),))


TEMPLATE = Template(
    name="burst",
    meaning=(
        "How much faster events come in this tick than before: log(1 + score) of MIDAS-F (Bhatia and others, 2020), with exact counts for"
        " each entity in place of sketches. 0 in the first tick."
    ),
    unit="log of a chi-squared score",
    parameters=(_TICK, _THRESHOLD, ENTITY, WHERE),
    recipe=_recipe,
    state_words=6,
    cost_ns=50,
    example="- {name: terminal_burst, template: burst, entity: terminal_id, tick: 1m}",
)
