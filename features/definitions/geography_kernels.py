"""Computes distances on a sphere in one call."""

import math

import numpy as np

from detectors.compiled import compiled
from foundation.compiled import inner
from foundation.number_arrays import Float64s

_RADIANS = math.pi / 180.0


@inner
def _squared_sine(angle: float) -> float:
    sine = math.sin(angle)
    return sine * sine


@compiled("void(float64[:, ::1], float64[:, ::1], int64, float64, int64, float64, float64[::1])")
def half_angle_sines(
    earlier: Float64s, values: Float64s, north: int, north_scale: float, east: int, east_scale: float, out: Float64s
) -> None:
    """Writes the sine [n] of half of the angle between an earlier place and the event's own, by the haversine formula; NaN where one lacks.

    Args:
        earlier: [n, 2 or more] latitude and longitude of the earlier place, in degrees.
        values: [n, columns] row values of the events.
        north, east: the columns of the events' own latitude and longitude.
        north_scale, east_scale: what these are divided by, to give degrees.
    """
    for row in range(len(out)):
        north_a, north_b = earlier[row, 0] * _RADIANS, values[row, north] / north_scale * _RADIANS
        turn = values[row, east] / east_scale * _RADIANS - earlier[row, 1] * _RADIANS
        half = _squared_sine((north_b - north_a) / 2.0) + math.cos(north_a) * math.cos(north_b) * _squared_sine(turn / 2.0)
        out[row] = np.sqrt(1.0 if half > 1.0 else half)
