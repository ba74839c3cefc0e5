"""Parquet and CSV files are read as chunks of columns, with one chunk in memory at a time."""

import csv
import pathlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from foundation.refusal import Refusal
from pipeline.tables.marked_text import MarkedText
from pipeline.tables.refused import RefusedRows

ROWS_A_CHUNK = 65_536
DELIMITERS = ",;\t|"
_BLOCK_BYTES = 8_388_608
"""A row of CSV that is longer than this cannot be read."""
_HEADER_BYTES_MAX = 1_048_576
_DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError, MemoryError)


@dataclass(slots=True)
class Chunk:
    """Consecutive rows of a file.

    Args:
        columns: as they stand in the file, by field's name; one that the file lacks is not here.
        rows: the number of each row, from 1, without a header.
        as_text: whether all cells are texts, as in CSV.
    """

    columns: dict[str, pa.Array]
    rows: NDArray[np.int64]
    as_text: bool


class TableFile:
    """A Parquet or CSV file, of which the columns in `names` are read.

    In CSV the delimiter is the one of comma, semicolon, tab and bar under which the header names most of `names`. A dotted name is a
    column of that name or a field of nested columns.

    Raises:
        Refusal: the file cannot be read, or one of `names` stands for two columns.
    """

    def __init__(self, path: pathlib.Path, names: Sequence[str]) -> None:
        self.path = path
        self._is_csv = path.suffix == ".csv"
        if self._is_csv:
            self.header, self._delimiter = _read_header(path, names)
        else:
            self._parquet = _open_parquet(path)
            self.header = list(self._parquet.schema_arrow.names)
        tops = {name if name in self.header else name.partition(".")[0] for name in names}
        self._tops = [name for name in dict.fromkeys(self.header) if name in tops]
        twice = [name for name in self._tops if self.header.count(name) > 1]
        if twice:
            raise Refusal("column given twice", where=str(path), expected="each column once", got=", ".join(twice))
        shape = self._shape()
        self.names = [name for name in names if _stands_in(shape, name)]

    def chunks(self, refused: RefusedRows) -> Iterator[Chunk]:
        """Gives the rows in order. Rows of CSV that have too few or too many cells are added to `refused`.

        Raises:
            Refusal: the file turns out to be damaged.
        """
        if not self._is_csv:
            return self._parquet_chunks()
        return self._csv_chunks(refused)

    def _shape(self) -> pa.Schema:
        if self._is_csv:
            return pa.schema([(name, pa.string()) for name in self._tops])
        schema = self._parquet.schema_arrow
        return pa.schema([schema.field(name) for name in self._tops])

    def _parquet_chunks(self) -> Iterator[Chunk]:
        done = 0
        try:
            # Columns are chosen here and not by pyarrow, which takes a dotted name for a path.
            for batch in self._parquet.iter_batches(ROWS_A_CHUNK, columns=self._tops):
                yield self._chunk(batch, np.arange(done + 1, done + 1 + len(batch)))
                done += len(batch)
        except _DAMAGE as error:
            raise _damaged(self.path, "a Parquet file", done, error) from error

    def _csv_chunks(self, refused: RefusedRows) -> Iterator[Chunk]:
        ragged: list[int] = []

        def skip(row: pyarrow.csv.InvalidRow) -> str:
            number = row.number - 1  # pyarrow counts the header
            ragged.append(number)
            expected, got = f"{row.expected_columns} cells, as in the header", f"{row.actual_columns}"
            refusal = Refusal("wrong number of cells", where="row", expected=expected, got=got)
            refused.add(str(self.path), number, refusal, row.text.encode())
            return "skip"

        done = 0
        try:
            for batch in self._open_csv(skip):
                rows = _numbered(done, len(batch), ragged)
                if len(batch):
                    yield self._chunk(batch, rows)
                    done = int(rows[-1])
        except _DAMAGE as error:
            raise _damaged(self.path, "a CSV file", done, error) from error

    def _open_csv(self, skip: object) -> Iterator[pa.RecordBatch]:
        with self.path.open("rb") as file:
            reader = pyarrow.csv.open_csv(
                MarkedText(file),
                pyarrow.csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
                pyarrow.csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True, invalid_row_handler=skip),
                pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(self._tops, pa.string()), include_columns=self._tops, strings_can_be_null=False
                ),
            )
            yield from reader

    def _chunk(self, batch: pa.RecordBatch, rows: NDArray[np.int64]) -> Chunk:
        return Chunk({name: _column_of(batch, name) for name in self.names}, rows, self._is_csv)


def _numbered(done: int, count: int, ragged: list[int]) -> NDArray[np.int64]:
    """Gives the next `count` row numbers after `done` that are not among `ragged`."""
    passed = [number for number in ragged if number > done]
    numbers = np.setdiff1d(np.arange(done + 1, done + 1 + count + len(passed)), passed)
    return numbers[:count]


def _open_parquet(path: pathlib.Path) -> pyarrow.parquet.ParquetFile:
    try:
        file = pyarrow.parquet.ParquetFile(path)
        file.schema_arrow.names  # noqa: B018 - names that are no UTF-8 are found here
    except _DAMAGE as error:
        raise _damaged(path, "a Parquet file", 0, error) from error
    return file


def _read_header(path: pathlib.Path, names: Sequence[str]) -> tuple[list[str], str]:
    """Reads the names of the columns, and finds the delimiter."""
    try:
        with path.open("rb") as file:
            start = file.read(_HEADER_BYTES_MAX)
        check_text(start, path)
        line = start.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n").splitlines()[:1]
        header = line[0].decode() if line else ""
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal("file not readable", where=str(path), expected="a CSV file in UTF-8", got=str(error)) from error
    if not header:
        raise Refusal("empty file", where=str(path), expected="a line that names the columns", got="nothing")
    readings = [(next(csv.reader([header], delimiter=delimiter)), delimiter) for delimiter in DELIMITERS]
    return max(readings, key=lambda reading: (len(set(reading[0]) & set(names)), len(reading[0])))


def check_text(start: bytes, path: pathlib.Path) -> None:
    """Checks that the first bytes of a file may be UTF-8.

    Raises:
        Refusal: they are UTF-16 or UTF-32, or no text at all.
    """
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start[:4_096]:
        got = "UTF-16 or UTF-32" if start.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")) else "bytes that are no text"
        raise Refusal("not a text file", where=str(path), expected="a text in UTF-8", got=got, remedy="save the file as UTF-8")


def _damaged(path: pathlib.Path, expected: str, row: int, error: Exception) -> Refusal:
    where = f"{path} after row {row}" if row else str(path)
    return Refusal("file not readable", where=where, expected=expected, got=str(error))


def _stands_in(shape: pa.Schema, name: str) -> bool:
    if name in shape.names:
        return True
    top, *path = name.split(".")
    kind = shape.field(top).type if top in shape.names else None
    for part in path:
        if kind is None or not pa.types.is_struct(kind) or kind.get_field_index(part) < 0:
            return False
        kind = kind.field(part).type
    return kind is not None and bool(path)


def _column_of(batch: pa.RecordBatch, name: str) -> pa.Array:
    if name in batch.schema.names:
        return batch.column(name)
    top, *path = name.split(".")
    return pc.struct_field(batch.column(top), path)
