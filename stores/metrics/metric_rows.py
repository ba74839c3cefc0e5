"""The record of topic ``metrics``: the sums of one minute for one combination of dimensions."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MINUTE_MS = 60_000
TIME_MS_MAX = 253_402_300_800_000
"""The start of the year 10000 in ms since the epoch: no store writes times from then on."""
SCORE_BANDS = tuple(f"{tenth / 10:.1f}-{(tenth + 1) / 10:.1f}" for tenth in range(10))
NO_SCORE = "none"
"""The score band of a decision without a score."""
COUNT_MAX = 2**40
"""The maximum count of one row, so low that sums cannot overflow 64 bits."""

_Minute = Annotated[int, Meta(ge=0, lt=TIME_MS_MAX, multiple_of=MINUTE_MS)]
_Count = Annotated[int, Meta(ge=0, le=COUNT_MAX)]


class MetricRow(msgspec.Struct, frozen=True, kw_only=True):
    """Holds a delta: rows of the same time and dimensions add up in any number and order. Bounds are checked on reading.

    Args:
        time: start of the event-time minute, ms since the epoch, a multiple of 60,000.
        metric: what is counted: ``decisions``, or ``matches`` of patterns.
        count: how many; deltas never subtract.
        action: the decision's action, or the one that the pattern asked for.
        score_band: one of `SCORE_BANDS`, or `NO_SCORE`; empty for matches.
        revised: the decision is on a corrected event.
        degraded: the decision was made without an entity's answer, or is the fallback.
        late: the event came late.
        dimensions: the event's own fields that the schema lists, by name; a missing text is empty.
        score_sum: sum of the scores of those decisions that have one.
        scored: number of decisions with a score.
        latency_ms_sum: sum of the times from arrival to decision, over all `count`.
        latency_ms_max: the greatest of these times.
        pattern: name of the pattern that matched; empty for decisions.
        version: the pattern's version.
        shadow: the pattern was only watched.
        decided_by: what decided, see `patterns.policy.DECIDERS`; empty for matches, and where a decision from before does not say.
    """

    time: _Minute
    metric: Literal["decisions", "matches"]
    count: Annotated[int, Meta(ge=1, le=COUNT_MAX)]
    action: str = ""
    score_band: str = ""
    revised: bool = False
    degraded: bool = False
    late: bool = False
    dimensions: dict[str, str] = msgspec.field(default_factory=dict)
    score_sum: float = 0.0
    scored: _Count = 0
    latency_ms_sum: float = 0.0
    latency_ms_max: float = 0.0
    pattern: str = ""
    version: str = ""
    shadow: bool = False
    decided_by: str = ""
