"""Refused rows of files are counted by reason, listed in a summary and written to a file of their own."""

import pathlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet

from foundation.refusal import Refusal

ROWS_MAX = 1_000_000
"""The most refused rows that are kept; further ones are only counted, so that memory stays bounded."""
REASONS_TOLD = 10
NAME = "refused.parquet"
_SCHEMA = pa.schema(
    [("file", pa.string()), ("row", pa.int64())]
    + [(name, pa.string()) for name in ("what", "where", "expected", "got", "remedy")]
    + [("original", pa.binary())]
)
_ROWS_A_BATCH = 65_536


class RefusedRow(NamedTuple):
    """One refused row: `row` counts from 1, without a header; `original` is the row as it stood, or its cells as JSON."""

    file: str
    row: int
    refusal: Refusal
    original: bytes = b""


@dataclass(slots=True)
class _Reason:
    count: int
    first: RefusedRow


@dataclass(slots=True)
class RefusedRows:
    """Gathers refused rows. The first `ROWS_MAX` are kept, all are counted."""

    _rows: list[RefusedRow] = field(default_factory=list)
    _reasons: dict[tuple[str, str], _Reason] = field(default_factory=dict)
    _count: int = 0

    def add(self, file: str, row: int, refusal: Refusal, original: bytes = b"") -> None:
        """Records that `row` of `file`, counted from 1, is refused."""
        refused = RefusedRow(file, row, refusal, original)
        self._count += 1
        if len(self._rows) < ROWS_MAX:
            self._rows.append(refused)
        self._reasons.setdefault((refusal.what, refusal.where), _Reason(0, refused)).count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[RefusedRow]:
        """The rows that are kept, in the order in which they were refused."""
        return iter(self._rows)

    def summary(self) -> list[str]:
        """Gives one line for each of the most frequent reasons, with the first row that has it; no line if nothing was refused."""
        reasons = sorted(self._reasons.values(), key=lambda reason: -reason.count)
        lines = [f"refused     {each.count:,}  first at {each.first.file} row {each.first.row}: {each.first.refusal}" for each in reasons]
        if len(lines) > REASONS_TOLD:
            lines[REASONS_TOLD:] = [f"refused     for {len(lines) - REASONS_TOLD:,} more reasons"]
        return lines

    def write(self, path: pathlib.Path) -> None:
        """Writes the kept rows as Parquet to `path`; if there are none, removes an older file there."""
        if not self._rows:
            path.unlink(missing_ok=True)
            return
        with pyarrow.parquet.ParquetWriter(path, _SCHEMA, compression="zstd") as writer:
            for first in range(0, len(self._rows), _ROWS_A_BATCH):
                rows = self._rows[first : first + _ROWS_A_BATCH]
                named = [{"file": row.file, "row": row.row, **row.refusal.fields(), "original": row.original} for row in rows]
                writer.write_batch(pa.RecordBatch.from_pylist(named, schema=_SCHEMA))
