"""The columns of event metrics in Druid, for who writes them and for who asks."""

DIMENSIONS = ("metric", "action", "score_band", "revised", "degraded", "late", "pattern", "version", "shadow")
"""Columns of texts; what is true or false is ``true`` or ``false``."""
NESTED = "dimensions"
"""One column for all of the event's own fields, so that a release with others needs no change in Druid."""
SUMS = {
    "count": "longSum",
    "score_sum": "doubleSum",
    "scored": "longSum",
    "latency_ms_sum": "doubleSum",
    "latency_ms_max": "doubleMax",
}
"""Figures, and how they add up when rows become one."""
