"""Says how long the profiles of a release are kept: at least as long as anything may still be asked of them."""

from features.schema.schema import DAY_MS
from pipeline.engine.definitions.release import Release

BEHIND_MS = 30 * DAY_MS
"""The time-to-live counts clock time from the last write, windows count event time: a job that stands still, or works through a
backlog, may be so far behind without losing what the next events look back to."""


def kept_ms(release: Release) -> int:
    """Returns the time-to-live of heads and pages.

    A page is written last when it is sealed or changed, at most `max_ahead` before the time of its events; it may be asked for until
    no window reaches back to it, no late event, no label and no repeated id. A head is written with each of its pages, so that it
    outlives them.
    """
    schema = release.schema
    asked_ms = max(plan.keep_ms for plan in release.features.plans.values())
    return max(schema.ttl_ms, asked_ms + schema.max_ahead_ms + BEHIND_MS)
