"""Writes all alerts, cases, verdicts or holds that the relational store keeps into a file, as Parquet or as JSON Lines."""

import pathlib
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pyarrow
import pyarrow.parquet

from pipeline.training.table_file import FileFormat
from stores.casework.alerts import Alert
from stores.casework.case import Case
from stores.casework.holds import Hold
from stores.casework.verdicts import Verdict
from stores.relational.casework.alerts import RelationalAlerts
from stores.relational.casework.cases import RelationalCases
from stores.relational.casework.holds import RelationalHolds
from stores.relational.casework.verdicts import RelationalVerdicts
from stores.relational.database import Database

KeptWord = Literal["alerts", "cases", "verdicts", "holds"]
ROWS_AT_ONCE = 500
_FOREVER_MS = 1 << 62
_SHAPES: dict[KeptWord, type[msgspec.Struct]] = {"alerts": Alert, "cases": Case, "verdicts": Verdict, "holds": Hold}
_PLAIN = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}


def write_kept(
    database: Database, what: KeptWord, hidden: Sequence[str], path: pathlib.Path, form: FileFormat, progress: Callable[[int, int], None]
) -> int:
    """Writes all rows of one kind, and returns how many. Memory: a page of rows.

    A row that changes meanwhile may stand there twice, as it was and as it is then.

    Args:
        hidden: inboxes whose cases and verdicts are left out.
        form: Parquet has a column a field, and JSON in columns of what is no plain value; JSON Lines has an object a line.
        progress: is told how many rows are written, of an unknown number.
    """
    pages = _pages(database, what, hidden)
    return _write_parquet(_SHAPES[what], pages, path, progress) if form == "parquet" else _write_lines(pages, path, progress)


def _pages(database: Database, what: KeptWord, hidden: Sequence[str]) -> Iterator[Sequence[msgspec.Struct]]:
    if what == "alerts":
        return _alerts(RelationalAlerts(database))
    if what == "cases":
        return _cases(RelationalCases(database), hidden)
    return _verdicts(RelationalVerdicts(database), hidden) if what == "verdicts" else _holds(RelationalHolds(database))


def _alerts(store: RelationalAlerts) -> Iterator[Sequence[Alert]]:
    after: tuple[int, str] | None = None
    while page := store.changed(after, _FOREVER_MS, ROWS_AT_ONCE):
        yield [alert for _, alert in page]
        after = (page[-1][0], page[-1][1].id)


def _cases(store: RelationalCases, hidden: Sequence[str]) -> Iterator[Sequence[Case]]:
    after: tuple[int, str] | None = None
    while page := store.changed(hidden, after, _FOREVER_MS, ROWS_AT_ONCE):
        yield page
        after = (page[-1].changed_at_ms, page[-1].id)


def _verdicts(store: RelationalVerdicts, hidden: Sequence[str]) -> Iterator[Sequence[Verdict]]:
    after = ""
    while page := store.all(hidden, after, ROWS_AT_ONCE):
        yield page
        after = page[-1].id


def _holds(store: RelationalHolds) -> Iterator[Sequence[Hold]]:
    before: tuple[int, str] | None = None
    while page := store.page((), None, before, ROWS_AT_ONCE):
        yield page
        before = (page[-1].held_at_ms, page[-1].id)


def _write_lines(pages: Iterator[Sequence[msgspec.Struct]], path: pathlib.Path, progress: Callable[[int, int], None]) -> int:
    count = 0
    with path.open("wb") as file:
        for page in pages:
            file.write(msgspec.json.Encoder().encode_lines(page))
            count += len(page)
            progress(count, 0)
    return count


def _write_parquet(
    shape: type[msgspec.Struct], pages: Iterator[Sequence[msgspec.Struct]], path: pathlib.Path, progress: Callable[[int, int], None]
) -> int:
    columns = {name: _type_of(hint) for name, hint in get_type_hints(shape).items()}
    schema = pyarrow.schema([(name, found or pyarrow.string()) for name, found in columns.items()])
    nested = [name for name, found in columns.items() if found is None]
    count = 0
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        for page in pages:
            rows = [_row_of(one, nested) for one in page]
            writer.write_table(pyarrow.Table.from_pylist(rows, schema))
            count += len(page)
            progress(count, 0)
    return count


def _row_of(one: msgspec.Struct, nested: Sequence[str]) -> dict[str, Any]:
    row = msgspec.structs.asdict(one)
    return row | {name: msgspec.json.encode(row[name]).decode() for name in nested}


def _type_of(hint: Any) -> pyarrow.DataType | None:
    """The type of a column; None for what stands there as JSON."""
    if get_origin(hint) in (Union, types.UnionType):
        known = [each for each in get_args(hint) if each is not type(None)]
        return _type_of(known[0]) if len({str(_type_of(each)) for each in known}) == 1 else None
    if get_origin(hint) is Literal:
        return pyarrow.string()
    return _PLAIN.get(hint)
