"""Finds the features of a change that have insufficient history at first; this is known before any event comes."""

from features.definitions import window as windows
from features.definitions.row_column import Origin
from features.definitions.window import Window
from features.definitions.zone_table import LONGEST_MS
from features.plan.plan import Plan
from features.sets.feature_set import FeatureSet
from features.sets.mapping import follows

_LINKED = (Origin.PREVIOUS, Origin.PAIR, Origin.FROM)


def features_that_warm(old: FeatureSet, new: FeatureSet) -> tuple[str, ...]:
    """Returns new or changed features of `new` whose windows may lack rows of entities that were known under `old`.

    These are features of an entity type that had no profiles, over fields that were not retained, or over windows that reach further back
    than history; a window without an end does so for every entity older than that.
    """
    warming = []
    for name, definition in new.definitions.items():
        readings = definition.recipe.readings
        if not readings or old.written.get(name) == new.written[name]:
            continue
        kind = definition.kind
        if kind not in old.kinds or any(
            _reaches_beyond(reading.window, old.schema.retention_ms)
            or not all(is_known(column, new.plans[kind], old.plans[kind]) for column in (reading.column, reading.where))
            for reading in readings
        ):
            warming.append(name)
    return tuple(warming)


def is_known(name: str, plan: Plan, old: Plan) -> bool:
    """Tells whether rows under `old` hold, or allow computing, the column `name` of `plan`."""
    columns = [column.name for column in old.columns]
    column = next((column for column in plan.columns if column.name == name), None)
    if column is None or name in columns:
        return True
    if column.origin in _LINKED:
        return is_known(column.source, plan, old) and is_known(column.where, plan, old)
    return follows(column, columns, plan.schema)


def _reaches_beyond(window: Window, retention_ms: int) -> bool:
    if window.kind == windows.SLIDING:
        return window.length_ms + window.delay_ms > retention_ms
    if window.kind == windows.CALENDAR:
        return LONGEST_MS[windows.CALENDAR_UNITS.index(window.unit)] > retention_ms
    return window.kind not in (windows.SESSION, windows.LAST)
