"""The columns of event metrics in Druid, shared by the ingestion and the queries."""

DIMENSIONS = ("metric", "action", "score_band", "revised", "degraded", "late", "pattern", "version", "shadow", "decided_by")
"""Text columns; booleans stand as ``true`` or ``false``. Segments from before a column was added, the last one here, have nulls in it."""
NESTED = "dimensions"
"""One column that holds all of the event's own fields, so that a release with other fields changes nothing in Druid."""
SUMS = {
    "count": "longSum",
    "score_sum": "doubleSum",
    "scored": "longSum",
    "latency_ms_sum": "doubleSum",
    "latency_ms_max": "doubleMax",
}
"""The numeric columns, and how Druid aggregates each when rows become one."""
