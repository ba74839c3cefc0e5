"""Finds features whose windows are cut by the schema's retention rather than by their own rule."""

from features.definitions import window as windows
from features.definitions.window import Window
from features.sets.feature_set import FeatureSet

_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def ended_by_retention(features: FeatureSet) -> list[str]:
    """Returns a sentence for each feature whose window retention may cut.

    These are features over the last N events, which may reach further back than any length of time, and over a session whose pause is as
    long as retention. Decisions that lack events are flagged `warming`.
    """
    return [
        f"feature {name}: {sentence}"
        for name, definition in features.definitions.items()
        for sentence in dict.fromkeys(_sentence(reading.window, features.schema.retention_ms) for reading in definition.recipe.readings)
        if sentence
    ]


def _sentence(window: Window, retention_ms: int) -> str:
    kept = f"retention ({_length(retention_ms)})"
    if window.kind == windows.LAST:
        return (
            f"it holds only those of the last {window.count} events that are within {kept};"
            " decisions on entities with older events and fewer within it are flagged warming"
        )
    if window.kind == windows.SESSION and window.length_ms >= retention_ms:
        return (
            f"a session with pauses of up to {_length(window.length_ms)} is cut at {kept};"
            " decisions on sessions that reach further back are flagged warming"
        )
    return ""


def _length(time_ms: int) -> str:
    """Formats a length as a schema writes it, in the largest unit of which it is a whole number."""
    unit = next(unit for unit, ms in _UNITS_MS.items() if time_ms % ms == 0)
    return f"{time_ms // _UNITS_MS[unit]}{unit}"
