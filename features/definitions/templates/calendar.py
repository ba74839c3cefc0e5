"""The template `calendar`: a part of the calendar at the event's time."""

from features.definitions.calendar import RANGES, Calendar
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import ZONE
from features.definitions.template import FLAG, NUMBER, Current, Finish, Parameter, Recipe, Template
from foundation.number_arrays import Float64s

_PART = Parameter("part", "hour (0 to 23), weekday (0 is Monday), weekend (1 or 0), day (of the month) or month")
_BETWEEN = Parameter("between", "[first, last]: 1 from first to last inclusive, around the turn if first is greater; else 0", "")


def _recipe(reader: DefinitionReader) -> Recipe:
    part = reader.section.at("part").choice(tuple(RANGES))
    zone = reader.zone()
    if not reader.has("between"):
        return Recipe((), _finish(Calendar(part, zone=zone)), FLAG if part == "weekend" else NUMBER)
    bounds = list(reader.section.at("between").items())
    if len(bounds) != 2:
        reader.section.at("between").refuse("not a range", "two whole numbers, both inclusive")
    low, high = (bound.integer(*RANGES[part]) for bound in bounds)
    return Recipe((), _finish(Calendar(part, low, high, zone)), FLAG)


def _finish(calendar: Calendar) -> Finish:
    def at_the_time(read: Float64s, current: Current) -> Float64s:
        return calendar.values(current.times_ms)

    return at_the_time


TEMPLATE = Template(
    name="calendar",
    meaning="A part of the calendar at the event's time in a zone, or whether it lies within a range.",
    unit="that of the part, or 1 or 0",
    parameters=(_PART, _BETWEEN, ZONE),
    recipe=_recipe,
    cost_ns=60,
    example="- {name: night, template: calendar, part: hour, between: [22, 6], zone: Europe/Paris}",
)
