"""Computes how far an event is from the place of the event before."""

from typing import NamedTuple

import numpy as np

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.template import Current, Parameter
from foundation.number_arrays import Float64s

RADIUS_KM = 6_371.0088
LATITUDE = Parameter("latitude", "a numeric field, event.x, or an expression over event.*: degrees north")
LONGITUDE = Parameter("longitude", "a numeric field, event.x, or an expression over event.*: degrees east")


class EarlierPlace(NamedTuple):
    """Describes how to read the newest earlier event that has both coordinates.

    Args:
        latitude, longitude: names of the columns, each missing where the other one is.
        readings: latitude and longitude of that event, and the seconds since.
    """

    latitude: str
    longitude: str
    readings: tuple[Reading, Reading, Reading]

    def distance_km(self, read: Float64s, current: Current) -> Float64s:
        """Returns the distances [n] from the earlier places to the events' own, in km."""
        return haversine_km(read[:, 0], read[:, 1], current.number(self.latitude), current.number(self.longitude))


def earlier_place(reader: DefinitionReader) -> EarlierPlace:
    """Returns how to read the earlier place that the parameters `latitude` and `longitude` define."""
    north, east = reader.numbers_together("latitude", "longitude")
    window, where = reader.window(), reader.where()
    return EarlierPlace(
        north,
        east,
        (
            Reading(Code.LAST, north, window, where, before=True),
            Reading(Code.LAST, east, window, where, before=True),
            Reading(Code.LAST_AGE, north, window, where, before=True),
        ),
    )


def haversine_km(latitude_a: Float64s, longitude_a: Float64s, latitude_b: Float64s, longitude_b: Float64s) -> Float64s:
    """Returns the great-circle distance in km of places in degrees, by the haversine formula on a sphere of the mean radius."""
    north_a, north_b = np.radians(latitude_a), np.radians(latitude_b)
    east = np.radians(longitude_b) - np.radians(longitude_a)
    half = np.sin((north_b - north_a) / 2.0) ** 2 + np.cos(north_a) * np.cos(north_b) * np.sin(east / 2.0) ** 2
    distance: Float64s = 2.0 * RADIUS_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0)))
    return distance
