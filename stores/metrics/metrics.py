"""Defines how event metrics are queried: counts, scores and latencies of decisions and matches over time."""

import re
from collections.abc import Collection
from typing import Literal, Protocol, get_args

import msgspec

from foundation.refusal import Refusal
from stores.decisions import StoreUnavailableError
from stores.metrics.metric_rows import MINUTE_MS, TIME_MS_MAX

Metric = Literal["decisions", "matches"]
Granularity = Literal["minute", "5m", "hour", "day", "all"]

STEP_MS: dict[str, int] = {"minute": MINUTE_MS, "5m": 5 * MINUTE_MS, "hour": 60 * MINUTE_MS, "day": 1_440 * MINUTE_MS}
DIMENSIONS = {
    "decisions": ("action", "decided_by", "score_band", "revised", "degraded", "late"),
    "matches": ("action", "pattern", "version", "shadow"),
}
"""Dimensions by metric. ``event.`` followed by a field of the event is one too."""
TRUTHS = ("revised", "degraded", "late", "shadow")
"""Dimensions whose values are ``true`` and ``false``."""
EVENT = "event."
RANGE_MS_MAX = 400 * 1_440 * MINUTE_MS
STEPS_MAX = 20_000
GROUP_BY_MAX = 4
FILTERS_MAX = 8
FILTER_VALUES_MAX = 100
VALUE_LENGTH_MAX = 256
LIMIT_MAX = 10_000
_FIELD = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


class MetricQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Describes a query; `check_query` enforces its bounds.

    Args:
        metric: ``decisions`` or ``matches``.
        from_ms: ms since the epoch, a whole minute, inclusive.
        to_ms: a whole minute, exclusive.
        granularity: steps of time, in UTC; ``all`` makes one step of the whole range.
        group_by: dimensions to group by.
        filters: for each filtered dimension the values that count.
        limit: maximum number of groups.
    """

    metric: Metric
    from_ms: int
    to_ms: int
    granularity: Granularity = "all"
    group_by: tuple[str, ...] = ()
    filters: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    limit: int = 1_000


class MetricGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the figures of one time step and one combination of values.

    Args:
        time: start of the step, ms since the epoch; for ``all`` the start of the range. A step at the edge covers only its part of the
            range.
        dimensions: the values of the dimensions asked for, in their order.
        count: how many decisions or matches.
        score_mean: mean over the `scored` decisions that have a score; None if there are none.
        latency_ms_mean: mean over all decisions; None for matches, as is the maximum.
    """

    time: int
    dimensions: dict[str, str]
    count: int
    score_mean: float | None
    scored: int
    latency_ms_mean: float | None
    latency_ms_max: float | None


class MetricAnswer(msgspec.Struct, frozen=True):
    """Holds groups sorted by time, then falling count, then values; `complete` is false when there are more than the limit."""

    groups: list[MetricGroup]
    complete: bool


class Metrics(Protocol):
    """A store of event metrics. Safe for threads.

    Raises:
        MetricsUnavailableError: any call; the store does not answer within the time it was opened with.
    """

    def query(self, query: MetricQuery, fields: Collection[str]) -> MetricAnswer:
        """Returns the sums of the topic's rows, grouped and filtered as asked.

        Args:
            fields: fields of the event that may be named as ``event.<field>``; a row without the field counts as empty.

        Raises:
            Refusal: the query is out of bounds, or names an unknown dimension.
        """

    def check(self) -> None:
        """Returns if the store can be queried, and raises otherwise."""

    def close(self) -> None:
        """Closes the store; it is not used afterwards."""


class MetricsUnavailableError(StoreUnavailableError):
    """The store of metrics does not answer, or not in time."""


def check_query(query: MetricQuery, fields: Collection[str]) -> None:
    """Accepts a query that keeps all bounds.

    Raises:
        Refusal: the query exceeds a bound; names which.
    """
    _check_range(query)
    if not 1 <= query.limit <= LIMIT_MAX:
        raise Refusal("bad limit", where="limit", expected=f"1 to {LIMIT_MAX}", got=query.limit)
    if len(query.group_by) > GROUP_BY_MAX or len(set(query.group_by)) < len(query.group_by):
        raise Refusal("bad grouping", where="group_by", expected=f"at most {GROUP_BY_MAX} different dimensions", got=query.group_by)
    if len(query.filters) > FILTERS_MAX:
        raise Refusal("too many filters", where="filters", expected=f"at most {FILTERS_MAX} dimensions", got=len(query.filters))
    for where, names in (("group_by", query.group_by), ("filters", tuple(query.filters))):
        for name in names:
            _check_dimension(where, name, query.metric, fields)
    for name, values in query.filters.items():
        _check_values(name, values)


def known_dimensions(metric: Metric, fields: Collection[str]) -> list[str]:
    """Returns every dimension that a query for `metric` may name."""
    return [*DIMENSIONS[metric], *(EVENT + field for field in sorted(fields) if _FIELD.fullmatch(field))]


def step_start(query: MetricQuery, time_ms: int) -> int:
    """Returns the start of the step that `time_ms` falls into."""
    step = STEP_MS.get(query.granularity)
    return query.from_ms if step is None else time_ms - time_ms % step


def metric_group(
    query: MetricQuery, time_ms: int, values: list[str], count: int, score_sum: float, scored: int, latency_sum: float, latency_max: float
) -> MetricGroup:
    """Makes a group from its sums."""
    timed = query.metric == "decisions"
    return MetricGroup(
        time=step_start(query, time_ms),
        dimensions=dict(zip(query.group_by, values, strict=True)),
        count=count,
        score_mean=score_sum / scored if scored else None,
        scored=scored,
        latency_ms_mean=latency_sum / count if timed else None,
        latency_ms_max=latency_max if timed else None,
    )


def _check_range(query: MetricQuery) -> None:
    if query.metric not in get_args(Metric) or query.granularity not in get_args(Granularity):
        expected = f"{' or '.join(get_args(Metric))}, by {', '.join(get_args(Granularity))}"
        raise Refusal("unknown metric or granularity", where="metric", expected=expected, got=f"{query.metric}, {query.granularity}")
    if query.from_ms % MINUTE_MS or query.to_ms % MINUTE_MS or query.from_ms < 0 or max(query.from_ms, query.to_ms) >= TIME_MS_MAX:
        expected = "whole minutes in ms since the epoch, before the year 10000"
        raise Refusal("bad time", where="from, to", expected=expected, got=f"{query.from_ms}, {query.to_ms}")
    if not 0 < query.to_ms - query.from_ms <= RANGE_MS_MAX:
        expected = f"an end after the start, and at most {RANGE_MS_MAX} ms after it"
        raise Refusal("bad range", where="from, to", expected=expected, got=f"{query.to_ms - query.from_ms} ms")
    steps = (query.to_ms - query.from_ms) // STEP_MS.get(query.granularity, RANGE_MS_MAX)
    if steps > STEPS_MAX:
        remedy = "ask for a shorter range, or for longer steps"
        raise Refusal("too many steps", where="granularity", expected=f"at most {STEPS_MAX} steps of time", got=steps, remedy=remedy)


def _check_dimension(where: str, name: str, metric: Metric, fields: Collection[str]) -> None:
    known = known_dimensions(metric, fields)
    if name not in known:
        raise Refusal("unknown dimension", where=where, expected=f"of {metric} one of {', '.join(known)}", got=name)


def _check_values(name: str, values: tuple[str, ...]) -> None:
    if not 1 <= len(values) <= FILTER_VALUES_MAX:
        raise Refusal("bad filter", where=f"filters.{name}", expected=f"1 to {FILTER_VALUES_MAX} values", got=len(values))
    for value in values:
        if len(value) > VALUE_LENGTH_MAX:
            raise Refusal("bad filter", where=f"filters.{name}", expected=f"values of at most {VALUE_LENGTH_MAX} characters", got=value)
        if name in TRUTHS and value not in ("true", "false"):
            raise Refusal("bad filter", where=f"filters.{name}", expected="true or false", got=value)
