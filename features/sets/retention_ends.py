"""Features whose windows end where retention does, not where their own rule says."""

from features.definitions import window as windows
from features.definitions.window import Window
from features.sets.feature_set import FeatureSet

_UNITS_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def ended_by_retention(features: FeatureSet) -> list[str]:
    """A sentence for each feature over the last N events, which may reach further back than any length of time, or over a session
    with a pause as long as retention, which always does. Decisions that lack something are flagged `warming`."""
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
            f"of the last {window.count} events only those within {kept} are there;"
            " decisions on entities that had older ones and have fewer within it say warming"
        )
    if window.kind == windows.SESSION and window.length_ms >= retention_ms:
        return (
            f"a session with pauses of up to {_length(window.length_ms)} ends at {kept} all the same;"
            " decisions on sessions that go further back say warming"
        )
    return ""


def _length(time_ms: int) -> str:
    """As a schema has it, in the largest unit of which it is a whole number."""
    unit = next(unit for unit, ms in _UNITS_MS.items() if time_ms % ms == 0)
    return f"{time_ms // _UNITS_MS[unit]}{unit}"
