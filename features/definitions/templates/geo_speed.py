"""The template `geo_speed`: how fast somebody would have had to travel from the event before."""

import numpy as np

from features.definitions.definition_reader import DefinitionReader
from features.definitions.geography import LATITUDE, LONGITUDE, EarlierPlace, earlier_place
from features.definitions.parameters import COMPARED, ENTITY, WHERE, WINDOW
from features.definitions.template import Current, Finish, Recipe, Template
from foundation.number_arrays import Float64s

_HOUR_SECONDS = 3_600.0
_SECONDS_MIN = 1.0


def _recipe(reader: DefinitionReader) -> Recipe:
    place = earlier_place(reader)
    return Recipe(place.readings, _finish(place))


def _finish(place: EarlierPlace) -> Finish:
    def speed(read: Float64s, current: Current) -> Float64s:
        hours: Float64s = np.maximum(read[:, 2], _SECONDS_MIN) / _HOUR_SECONDS
        return place.distance_km(read, current) / hours

    return speed


TEMPLATE = Template(
    name="geo_speed",
    meaning=(
        "The distance from the newest earlier event of the window that has coordinates, divided by the time between, which counts as one"
        " second at least. Missing where there is none, or this one has no coordinates."
    ),
    unit="kilometres an hour",
    parameters=(LATITUDE, LONGITUDE, ENTITY, WINDOW, WHERE),
    recipe=_recipe,
    unsuited=COMPARED,
    state_words=9,
    cost_ns=280,
    example="- {name: speed, template: geo_speed, latitude: event.latitude, longitude: event.longitude, window: 7d}",
)
