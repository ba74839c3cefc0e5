"""The template `geo_distance`: the distance from the event before."""

from features.definitions.definition_reader import DefinitionReader
from features.definitions.geography import LATITUDE, LONGITUDE, EarlierPlace, earlier_place
from features.definitions.parameters import COMPARED, ENTITY, WHERE, WINDOW
from features.definitions.template import Current, Finish, Recipe, Template
from foundation.number_arrays import Float64s


def _recipe(reader: DefinitionReader) -> Recipe:
    place = earlier_place(reader)
    return Recipe(place.readings[:2], _finish(place))


def _finish(place: EarlierPlace) -> Finish:
    def distance(read: Float64s, current: Current) -> Float64s:
        return place.distance_km(read, current)

    return distance


TEMPLATE = Template(
    name="geo_distance",
    meaning=(
        "The distance from the newest earlier event of the window that has coordinates. Missing where there is none, or this one has none."
    ),
    unit="kilometres",
    parameters=(LATITUDE, LONGITUDE, ENTITY, WINDOW, WHERE),
    recipe=_recipe,
    unsuited=COMPARED,
    state_words=6,
    cost_ns=250,
    example="- {name: distance, template: geo_distance, latitude: event.latitude, longitude: event.longitude, window: 7d}",
)
