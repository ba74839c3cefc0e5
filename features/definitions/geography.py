"""Places on the globe: where the event before was, and how far that is."""

from typing import NamedTuple

import numpy as np

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import Given
from features.definitions.template import Current, Parameter
from foundation.number_arrays import Float64s

RADIUS_KM = 6_371.0088
LATITUDE = Parameter("latitude", "a numeric field, event.x, or an expression over event.*: degrees north")
LONGITUDE = Parameter("longitude", "a numeric field, event.x, or an expression over event.*: degrees east")


class EarlierPlace(NamedTuple):
    """The newest earlier event that has both coordinates.

    Args:
        latitude, longitude: columns, each missing where the other one is.
        readings: its latitude, its longitude and the seconds since.
    """

    latitude: str
    longitude: str
    readings: tuple[Reading, Reading, Reading]

    def distance_km(self, read: Float64s, current: Current) -> Float64s:
        """From what `readings` gave to where the events are now."""
        return haversine_km(read[:, 0], read[:, 1], current.number(self.latitude), current.number(self.longitude))


def earlier_place(given: Given) -> EarlierPlace:
    """How to read the place before, as the parameters `latitude` and `longitude` say."""
    north, east = given.numbers_together("latitude", "longitude")
    window, where = given.window(), given.where()
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
    """The way between places in degrees over the surface of a sphere of the Earth's mean radius."""
    north_a, north_b = np.radians(latitude_a), np.radians(latitude_b)
    east = np.radians(longitude_b) - np.radians(longitude_a)
    half = np.sin((north_b - north_a) / 2.0) ** 2 + np.cos(north_a) * np.cos(north_b) * np.sin(east / 2.0) ** 2
    distance: Float64s = 2.0 * RADIUS_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0)))
    return distance
