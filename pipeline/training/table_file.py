"""Writes tables, one after another, into a file of Parquet or of JSON Lines."""

import contextlib
import pathlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Literal

import msgspec
import pyarrow
import pyarrow.parquet

FileFormat = Literal["parquet", "json_lines"]
LINES_SUFFIX = ".jsonl"
LINES_AT_ONCE = 5_000
_encoder = msgspec.json.Encoder()


def format_of(path: pathlib.Path) -> FileFormat:
    """Returns the form that the name of a file asks for: JSON Lines for `LINES_SUFFIX`, else Parquet."""
    return "json_lines" if path.suffix == LINES_SUFFIX else "parquet"


@contextlib.contextmanager
def open_table(path: pathlib.Path, schema: pyarrow.Schema, form: FileFormat) -> Iterator[Callable[[pyarrow.Table], None]]:
    """Opens a new file; what it gives writes a table of `schema` behind those before.

    JSON Lines have an object a row with the names of the columns. Times are RFC 3339 there, and a number that is not finite is null.
    """
    if form == "parquet":
        with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
            yield writer.write_table
        return
    with path.open("wb") as file:
        yield lambda table: _write_lines(table, file)


def _write_lines(table: pyarrow.Table, file: BinaryIO) -> None:
    for batch in table.to_batches(max_chunksize=LINES_AT_ONCE):
        file.write(_encoder.encode_lines(batch.to_pylist()))
