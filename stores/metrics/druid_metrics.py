"""Queries event metrics in Druid with its native JSON queries, in which whatever a caller gave stays a value."""

import ssl
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
from pydruid.query import QueryBuilder
from pydruid.utils.aggregators import doublemax, doublesum, longsum
from pydruid.utils.filters import Filter

from stores.metrics.druid_columns import NESTED, SUMS
from stores.metrics.metrics import (
    EVENT,
    STEP_MS,
    MetricAnswer,
    MetricGroup,
    MetricQuery,
    MetricsUnavailableError,
    check_query,
    metric_group,
)

ANSWER_BYTES_MAX = 32_000_000
_AGGREGATORS = {"longSum": longsum, "doubleSum": doublesum, "doubleMax": doublemax}


class _Row(msgspec.Struct):
    timestamp: str
    event: dict[str, Any]


class DruidMetrics:
    """Asks one Druid broker. pydruid builds the queries, but httpx sends them, because pydruid's client knows no timeout.

    Args:
        url: the broker's URL.
        data_source: the Druid data source that the supervisor of the topic fills.
        timeout_seconds: the limit for a whole answer.
        tls: the TLS context of an https connection.
        headers: the headers of each request.
    """

    def __init__(
        self,
        url: str,
        data_source: str,
        timeout_seconds: float,
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._data_source = data_source
        self._timeout_seconds = timeout_seconds
        self._client = httpx.Client(base_url=url, timeout=timeout_seconds, trust_env=False, verify=tls or True, headers=headers)

    def query(self, query: MetricQuery, fields: Collection[str]) -> MetricAnswer:
        check_query(query, fields)
        body = druid_query(query, self._data_source, int(self._timeout_seconds * 1000))
        rows = _rows(self._ask("POST", "/druid/v2", body))
        # Without dimensions Druid answers one empty row where there is nothing.
        groups = sorted((_group(query, row) for row in rows if row.event["count"]), key=_place)
        return MetricAnswer(groups[: query.limit], complete=len(groups) <= query.limit)

    def check(self) -> None:
        self._ask("GET", "/status/health", None)

    def close(self) -> None:
        self._client.close()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> bytes:
        """Returns the whole answer within the time limit; httpx's own timeout covers only each single read."""
        deadline = time.monotonic() + self._timeout_seconds
        try:
            with self._client.stream(method, path, json=body) as answer:
                content = bytearray()
                for chunk in answer.iter_bytes():
                    content += chunk
                    if time.monotonic() > deadline or len(content) > ANSWER_BYTES_MAX:
                        raise MetricsUnavailableError("Druid's answer takes too long or is too large")
                if answer.status_code != 200:
                    raise MetricsUnavailableError(
                        f"Druid answers with status {answer.status_code}: {content[:200].decode(errors='replace')}"
                    )
                return bytes(content)
        except httpx.HTTPError as error:
            raise MetricsUnavailableError(f"{type(error).__name__} after at most {self._timeout_seconds:g} s") from error


def _rows(content: bytes) -> list[_Row]:
    """Decodes the rows of an answer. If Druid fails after the first row, its answer ends early with status 200."""
    try:
        return msgspec.json.decode(content, type=list[_Row])
    except msgspec.MsgspecError as error:
        raise MetricsUnavailableError(f"Druid's answer of {len(content)} bytes is not complete JSON: {error}") from error


def druid_query(query: MetricQuery, data_source: str, timeout_ms: int) -> dict[str, Any]:
    """Returns `query` as Druid's ``groupBy``. It asks for one row above the limit to learn whether there are more."""
    step = STEP_MS.get(query.granularity)
    filtered = {name: f"f{number}" for number, name in enumerate(query.filters)}
    grouped = {name: f"g{number}" for number, name in enumerate(query.group_by)}
    columns = {name: _column(name, filtered.get(name) or grouped[name]) for name in (*query.filters, *query.group_by)}
    wanted = {"metric": [query.metric]} | {columns[name]: _or_null(values) for name, values in query.filters.items()}
    parts = {
        "datasource": data_source,
        "granularity": {"type": "duration", "duration": step, "origin": 0} if step else "all",
        "intervals": [f"{_moment(query.from_ms)}/{_moment(query.to_ms)}"],
        "virtualColumns": [made for name, column in columns.items() if name.startswith(EVENT) for made in _virtual(name, column)],
        "dimensions": [{"type": "default", "dimension": columns[name], "outputName": output} for name, output in grouped.items()],
        "filter": Filter(type="and", fields=[Filter(type="in", dimension=name, values=values) for name, values in wanted.items()]),
        "aggregations": {name: _AGGREGATORS[kind](name) for name, kind in SUMS.items()},
        "limit_spec": {"type": "default", "limit": query.limit + 1, "columns": _order(list(grouped.values()))},
        "context": {"timeout": timeout_ms},
    }
    built: dict[str, Any] = QueryBuilder().groupby(parts).query_dict
    return built


def _column(name: str, alias: str) -> str:
    """Returns the name of Druid's column: its own, or a virtual one made of the event's fields during the query."""
    return f"event_{alias}" if name.startswith(EVENT) else name


def _or_null(values: Sequence[str]) -> list[str | None]:
    """An empty text is null in segments from before its column came."""
    return [*values, None] if "" in values else list(values)


def _virtual(name: str, column: str) -> list[dict[str, Any]]:
    """Defines a virtual column of a field of the event, empty where it is missing. The field's name is checked, and no expression."""
    path = f"$['{name.removeprefix(EVENT)}']"
    return [
        {"type": "nested-field", "columnName": NESTED, "outputName": f"{column}_or_null", "path": path, "expectedType": "STRING"},
        {"type": "expression", "name": column, "expression": f"nvl(\"{column}_or_null\", '')", "outputType": "STRING"},
    ]


def _order(outputs: list[str]) -> list[dict[str, str]]:
    """Returns the order within one time; Druid sorts by time first."""
    values = [{"dimension": output, "direction": "ascending", "dimensionOrder": "lexicographic"} for output in outputs]
    return [{"dimension": "count", "direction": "descending", "dimensionOrder": "numeric"}, *values]


def _group(query: MetricQuery, row: _Row) -> MetricGroup:
    event = row.event
    values = [event[f"g{number}"] or "" for number in range(len(query.group_by))]
    time_ms = round(datetime.fromisoformat(row.timestamp).timestamp() * 1000)
    return metric_group(query, time_ms, values, *(event[name] for name in SUMS))


def _place(group: MetricGroup) -> tuple[int, int, list[str]]:
    """Returns the sort key of a group in an answer.

    Druid itself sorts texts by UTF-16, which puts characters above U+FFFF too early.
    """
    return group.time, -group.count, list(group.dimensions.values())


def _moment(time_ms: int) -> str:
    """Formats a time as Druid writes it, cut to whole minutes."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")
