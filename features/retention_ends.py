"""Features whose windows end where retention does, not where their own rule says."""

from features import window as windows
from features.feature_set import FeatureSet
from features.schema import DAY_MS
from features.window import Window


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
    kept = f"retention ({retention_ms / DAY_MS:g} days)"
    if window.kind == windows.LAST:
        return (
            f"of the last {window.count} events only those within {kept} are there;"
            " decisions on entities that had older ones and have fewer within it say warming"
        )
    if window.kind == windows.SESSION and window.length_ms >= retention_ms:
        return (
            f"a session with pauses of up to {window.length_ms / DAY_MS:g} days ends at {kept} all the same;"
            " decisions on sessions that go further back say warming"
        )
    return ""
