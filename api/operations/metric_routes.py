"""The route that queries event metrics: how many decisions or matches there were, over time and by dimension."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from api.definitions.in_force import InForce
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs
from foundation.refusal import Refusal
from pipeline.engine.moment import moment_ms
from stores.metrics.metric_rows import MINUTE_MS
from stores.metrics.metrics import (
    FILTER_VALUES_MAX,
    FILTERS_MAX,
    LIMIT_MAX,
    Granularity,
    Metric,
    MetricAnswer,
    MetricGroup,
    MetricQuery,
    Metrics,
    MetricsUnavailableError,
)

QUERIES_MAX = 4
"""So many queries run at a time. Each one holds a thread until the store answers, so they have threads of their own."""
HOUR_MS = 60 * MINUTE_MS

Clock = Callable[[], float]


class QueriedMetrics(msgspec.Struct, rename={"from_ms": "from", "to_ms": "to"}):
    """The query and its groups, ordered by time, then by count (the greatest first), then by their values; `complete` says if all came."""

    metric: Metric
    from_ms: int
    to_ms: int
    granularity: Granularity
    groups: list[MetricGroup]
    complete: bool


def make_metric_routes(metrics: Metrics, in_force: InForce, clock: Clock) -> APIRouter:
    """The route ``GET /metrics/query`` over the store `metrics`."""
    routes = late_routes("metrics")
    asking = Asking(metrics)

    @routes.get(
        "/metrics/query", summary="How many decisions or matches there were, over time and by dimension", **route_docs(QueriedMetrics)
    )
    async def query(
        metric: Annotated[Metric, Query(description="what is counted")] = "decisions",
        start: Annotated[
            str | None, Query(alias="from", max_length=40, description="a whole minute, inclusive; by default an hour before `to`")
        ] = None,
        to: Annotated[str | None, Query(max_length=40, description="a whole minute, exclusive; by default the end of this minute")] = None,
        granularity: Annotated[Granularity, Query(description="steps of time, in UTC; `all` makes one")] = "all",
        group_by: Annotated[list[str] | None, Query(description="a dimension; each of its values gets a row")] = None,
        filter: Annotated[
            list[str] | None, Query(description="`dimension:value`; several values of one dimension mean any of them")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = 1_000,
    ) -> Response:
        """Times are ms since the epoch or RFC 3339. Rows are ordered by time, then by count (the greatest first), then by their values."""
        release, _ = in_force.require()
        from_ms, to_ms = time_range(start, to, clock)
        asked = MetricQuery(
            metric=metric,
            from_ms=from_ms,
            to_ms=to_ms,
            granularity=granularity,
            group_by=tuple(group_by or ()),
            filters=read_filters(filter or []),
            limit=limit,
        )
        fields = release.schema.dimensions
        answer = await asking.ask(asked, fields)
        return as_response(json_answer(200, QueriedMetrics(metric, from_ms, to_ms, granularity, answer.groups, answer.complete)))

    return routes


class Asking:
    """Runs queries of `metrics` in threads of its own, at most `QUERIES_MAX` at a time."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._threads = ThreadPoolExecutor(QUERIES_MAX, "metrics")
        self._running = 0

    async def ask(self, query: MetricQuery, fields: tuple[str, ...]) -> MetricAnswer:
        """The answer of the store to `query`; `fields` are the dimensions that the schema declares.

        Raises:
            Refusal: the query is out of bounds.
            Problem: 503, the store does not answer in time, or `QUERIES_MAX` queries are running already.
        """
        if self._running >= QUERIES_MAX:
            raise _later(f"{QUERIES_MAX} queries of metrics are running, which is the most that run at a time")
        self._running += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._metrics.query, query, fields)
        except MetricsUnavailableError as error:
            raise _later(f"the store of metrics does not answer: {error}") from error
        finally:
            self._running -= 1


def time_range(start: str | None, to: str | None, clock: Clock) -> tuple[int, int]:
    """The start (inclusive) and end (exclusive) of a range, in ms since the epoch.

    By default the end is that of the current minute, and the start is an hour before the end.

    Raises:
        Refusal: `start` or `to` is not a time.
    """
    to_ms = moment_ms(to, "to") if to is not None else int(clock() * 1000) // MINUTE_MS * MINUTE_MS + MINUTE_MS
    return moment_ms(start, "from") if start is not None else max(to_ms - HOUR_MS, 0), to_ms


def read_filters(given: list[str]) -> dict[str, tuple[str, ...]]:
    """Reads filters such as ``action:block``; gives the values by dimension.

    Raises:
        Refusal: a filter has no colon, or there are too many.
    """
    if len(given) > FILTERS_MAX * FILTER_VALUES_MAX:
        raise Refusal("too many filters", where="filter", expected=f"at most {FILTERS_MAX * FILTER_VALUES_MAX} filters", got=len(given))
    filters: dict[str, tuple[str, ...]] = {}
    for text in given:
        name, colon, value = text.partition(":")
        if not colon:
            raise Refusal("bad filter", where="filter", expected="dimension:value, such as action:block", got=text)
        filters[name] = (*filters.get(name, ()), value)
    return filters


def _later(detail: str) -> Problem:
    return Problem(503, detail, [(b"retry-after", b"1")])
