"""Keeps event metrics in a DuckDB file of one process, which reads the topic's rows and answers queries."""

import contextlib
import pathlib
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import duckdb
import msgspec

from stores.metrics.metric_rows import MetricRow
from stores.metrics.metrics import EVENT, STEP_MS, MetricAnswer, MetricQuery, MetricsUnavailableError, check_query, metric_group

MEMORY = "256MB"
_KEY = {
    "time": "BIGINT",
    **dict.fromkeys(("metric", "action", "score_band", "pattern", "version", "decided_by"), "VARCHAR"),
    **dict.fromkeys(("revised", "degraded", "late", "shadow"), "BOOLEAN"),
    "dimensions": "MAP(VARCHAR, VARCHAR)",
}
_SUMS = {"count": "sum", "score_sum": "sum", "scored": "sum", "latency_ms_sum": "sum", "latency_ms_max": "max"}
_TYPES = _KEY | dict.fromkeys(("count", "scored"), "BIGINT") | dict.fromkeys(("score_sum", "latency_ms_sum", "latency_ms_max"), "DOUBLE")
_TABLES = (
    f"CREATE TABLE IF NOT EXISTS metric ({', '.join(f'{name} {type}' for name, type in _TYPES.items())})",
    "ALTER TABLE metric ADD COLUMN IF NOT EXISTS decided_by VARCHAR DEFAULT ''",  # to a file from before there was one
    "CREATE TABLE IF NOT EXISTS next_offset (place VARCHAR PRIMARY KEY, next BIGINT)",
)
_FIGURES = ", ".join(f"{how}({name})::{_TYPES[name]} AS {name}" for name, how in _SUMS.items())
_COLUMNS = ", ".join((*_KEY, *_SUMS))
_GIVEN = "(SELECT unnest(from_json($rows::JSON, $types), recursive := true))"
# Only texts of this module are concatenated here and in `duckdb_query`; whatever a caller gave is a parameter.
_NAMES = ", ".join(_KEY)
_INSERT = f"INSERT INTO metric ({_COLUMNS}) SELECT {_NAMES}, {_FIGURES} FROM {_GIVEN} GROUP BY {_NAMES}"  # noqa: S608
_OF_A_RANGE = f"SELECT {_NAMES}, {_FIGURES} FROM metric WHERE time >= $from_ms AND time < $to_ms GROUP BY {_NAMES}"  # noqa: S608


class DuckDbMetrics:
    """Uses the file at `path`, which is opened at the first call and by one process at a time.

    Args:
        path: the file's path.
        timeout_seconds: the limit for a query, which is interrupted then.
    """

    def __init__(self, path: pathlib.Path, timeout_seconds: float) -> None:
        self._path = path
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def query(self, query: MetricQuery, fields: Collection[str]) -> MetricAnswer:
        check_query(query, fields)
        text, values = duckdb_query(query)
        with self._cursor() as cursor:
            breaking = threading.Timer(self._timeout_seconds, cursor.interrupt)
            breaking.start()
            try:
                rows = cursor.execute(text, values).fetchall()
            except duckdb.InterruptException as error:
                raise MetricsUnavailableError(f"no answer within {self._timeout_seconds:g} s") from error
            except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
                raise MetricsUnavailableError(str(error)) from error
            finally:
                breaking.cancel()
        ahead = 1 + len(query.group_by)
        groups = [metric_group(query, row[0], list(row[1:ahead]), *row[ahead:]) for row in rows]
        return MetricAnswer(groups[: query.limit], complete=len(groups) <= query.limit)

    def check(self) -> None:
        with self._cursor() as cursor:
            cursor.execute("SELECT 1").fetchall()

    def add(self, rows: Sequence[MetricRow], offsets: Mapping[str, int]) -> None:
        """Adds `rows` and, in the same transaction, saves the offsets that were read, so that a crash counts nothing twice.

        Args:
            offsets: for each partition that was read, the offset after the last one of `rows`.
        """
        with self._cursor() as cursor, _transaction(cursor):
            if rows:
                types = msgspec.json.encode([_TYPES]).decode()
                ordered = [msgspec.structs.replace(row, dimensions=dict(sorted(row.dimensions.items()))) for row in rows]
                cursor.execute(_INSERT, {"rows": msgspec.json.encode(ordered).decode(), "types": types})
            for place, next_offset in offsets.items():
                cursor.execute("INSERT OR REPLACE INTO next_offset VALUES (?, ?)", [place, next_offset])

    def offsets(self) -> dict[str, int]:
        """Returns the next offset to read, by partition; partitions that were never read are absent."""
        with self._cursor() as cursor:
            return dict(cursor.execute("SELECT place, next FROM next_offset").fetchall())

    def fold(self, from_ms: int, to_ms: int) -> None:
        """Merges rows of the same minute and dimensions into one, for times in [from_ms, to_ms); answers do not change."""
        with self._cursor() as cursor, _transaction(cursor):
            cursor.execute(f"CREATE TEMP TABLE folded AS {_OF_A_RANGE}", {"from_ms": from_ms, "to_ms": to_ms})
            cursor.execute("DELETE FROM metric WHERE time >= ? AND time < ?", [from_ms, to_ms])
            cursor.execute(f"INSERT INTO metric ({_COLUMNS}) SELECT {_COLUMNS} FROM folded")  # noqa: S608
            cursor.execute("DROP TABLE folded")

    def forget(self, before_ms: int) -> None:
        """Deletes the minutes before `before_ms`."""
        with self._cursor() as cursor:
            cursor.execute("DELETE FROM metric WHERE time < ?", [before_ms])

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Opens a cursor of its own for each use, so that threads do not share one."""
        try:
            with self._lock:
                if self._connection is None:
                    self._connection = self._open()
                cursor = self._connection.cursor()
        except duckdb.Error as error:
            raise MetricsUnavailableError(f"{self._path}: {error}") from error
        with contextlib.closing(cursor):
            yield cursor

    def _open(self) -> duckdb.DuckDBPyConnection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(self._path, config={"memory_limit": MEMORY, "threads": 1})
        for statement in _TABLES:
            connection.execute(statement)
        return connection


def duckdb_query(query: MetricQuery) -> tuple[str, dict[str, Any]]:
    """Returns SQL and its parameters. Whatever a caller gave, names of fields included, is a parameter, never part of the SQL."""
    values: dict[str, Any] = {"metric": query.metric, "from_ms": query.from_ms, "to_ms": query.to_ms, "limit": query.limit + 1}
    conditions = ["metric = $metric", "time >= $from_ms", "time < $to_ms"]
    for number, (name, allowed) in enumerate(query.filters.items()):
        values[f"allowed_{number}"] = list(allowed)
        conditions.append(f"{_expression(name, f'filter_{number}', values)} IN (SELECT unnest($allowed_{number}))")
    step = STEP_MS.get(query.granularity)
    if step:
        values["step"] = step
    columns = ["time - time % $step AS start" if step else "$from_ms AS start"]
    columns += [f"{_expression(name, f'group_{number}', values)} AS g{number}" for number, name in enumerate(query.group_by)]
    groups = ["start", *(f"g{number}" for number in range(len(query.group_by)))]
    inner = f"SELECT {', '.join((*columns, *_SUMS))} FROM metric WHERE {' AND '.join(conditions)}"  # noqa: S608
    order = ["start", f"{len(groups) + 1} DESC", *groups[1:]]  # by position: the first aggregate is the count
    names = ", ".join(groups)
    text = f"SELECT {names}, {_FIGURES} FROM ({inner}) GROUP BY {names} ORDER BY {', '.join(order)} LIMIT $limit"  # noqa: S608
    return text, values


def _expression(name: str, parameter: str, values: dict[str, Any]) -> str:
    if not name.startswith(EVENT):
        return f"{name}::VARCHAR"
    values[parameter] = name.removeprefix(EVENT)
    return f"coalesce(dimensions[${parameter}], '')"


@contextlib.contextmanager
def _transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    cursor.begin()
    try:
        yield
    except BaseException:
        cursor.rollback()
        raise
    cursor.commit()
