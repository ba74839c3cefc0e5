"""The template `time_of_day`: how usual the event's time of day is."""

import numpy as np

from features.definitions.aggregate import Code, Reading
from features.definitions.definition_reader import DefinitionReader
from features.definitions.parameters import COMPARED, ENTITY, WHERE, WINDOW, ZONE
from features.definitions.row_column import Origin, RowColumn
from features.definitions.template import Current, Finish, Recipe, Template
from foundation.number_arrays import Float64s

_CONCENTRATION_MAX = 1_000.0


def _recipe(reader: DefinitionReader) -> Recipe:
    zone = reader.zone()
    cosine = reader.add(RowColumn(f"hour_cos({zone})", Origin.HOUR_COS, zone))
    sine = reader.add(RowColumn(f"hour_sin({zone})", Origin.HOUR_SIN, zone))
    window, where = reader.window(), reader.where()
    readings = tuple(Reading(Code.MEAN, column, window, where, before=True) for column in (cosine, sine))
    return Recipe((*readings, Reading(Code.COUNT, cosine, window, where, before=True)), _finish(cosine, sine))


def _finish(cosine: str, sine: str) -> Finish:
    def likeness(read: Float64s, current: Current) -> Float64s:
        c, s, n = read[:, 0], read[:, 1], read[:, 2]
        mean = np.arctan2(s, c)
        own = np.arctan2(current.number(sine), current.number(cosine))
        found = np.exp(concentration(np.hypot(c, s)) * (np.cos(own - mean) - 1.0))
        return np.where(n >= 2.0, found, np.nan)

    return likeness


def concentration(r: Float64s) -> Float64s:
    """Returns κ of a von Mises distribution from its mean resultant length, as Best and Fisher (1981) approximate it; at most 1,000."""
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = 2.0 * r + r**3 + 5.0 * r**5 / 6.0
        middle = -0.4 + 1.39 * r + 0.43 / (1.0 - r)
        below = r**3 - 4.0 * r**2 + 3.0 * r
        narrow = np.where(below > 0.0, 1.0 / below, _CONCENTRATION_MAX)  # r may round to a little above 1
        kappa = np.where(r < 0.53, spread, np.where(r < 0.85, middle, narrow))
        bounded: Float64s = np.minimum(kappa, _CONCENTRATION_MAX)
        return bounded


TEMPLATE = Template(
    name="time_of_day",
    meaning=(
        "How close the event's time of day is to that of the window's earlier events: 1 at their mean hour, and less the further away it is"
        " and the closer together they are (a von Mises density divided by its peak). Missing with fewer than two earlier events."
    ),
    unit="0 to 1",
    parameters=(ZONE, ENTITY, WINDOW, WHERE),
    recipe=_recipe,
    unsuited=COMPARED,
    state_words=10,
    cost_ns=350,
    example="- {name: usual_hour, template: time_of_day, zone: Europe/Paris, window: 30d}",
)
