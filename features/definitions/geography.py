"""Computes how far an event is from the place of the event before."""

from typing import NamedTuple

import numpy as np

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.geography_kernels import half_angle_sines
from features.definitions.template import Current, Parameter
from foundation.kernel_arrays import FLOAT64, for_kernel
from foundation.number_arrays import Float64s

RADIUS_KM = 6_371.0088
LATITUDE = Parameter("latitude", "a numeric field, event.x, or an expression over event.*: degrees north")
LONGITUDE = Parameter("longitude", "a numeric field, event.x, or an expression over event.*: degrees east")


class EarlierPlace(NamedTuple):
    """Describes how to read the newest earlier event that has both coordinates.

    Args:
        latitude, longitude: names of the columns, each missing where the other one is.
        readings: latitude and longitude of that event, and the seconds since.
        key: says what the readings are.
    """

    latitude: str
    longitude: str
    readings: tuple[Reading, Reading, Reading]
    key: str

    def distance_km(self, read: Float64s, current: Current) -> Float64s:
        """Returns the distances [n] from the earlier places to the events' own, in km; they are computed once for all that ask."""
        known = current.shared.get(self.key)
        if known is None:
            (north, north_scale), (east, east_scale) = current.places[self.latitude], current.places[self.longitude]
            values, sines = for_kernel(current.values, FLOAT64), np.empty(len(read))
            half_angle_sines(read, values, north, north_scale, east, east_scale, sines)
            known = current.shared[self.key] = 2.0 * RADIUS_KM * np.arcsin(sines)
        return known


def earlier_place(reader: DefinitionReader) -> EarlierPlace:
    """Returns how to read the earlier place that the parameters `latitude` and `longitude` define."""
    north, east = reader.numbers_together("latitude", "longitude")
    window, where = reader.window(), reader.where()
    readings = (
        Reading(Code.LAST, north, window, where, before=True),
        Reading(Code.LAST, east, window, where, before=True),
        Reading(Code.LAST_AGE, north, window, where, before=True),
    )
    return EarlierPlace(north, east, readings, repr(readings))
