"""Training data of any source is written as Parquet or JSON Lines, in order and in row groups."""

import os
import pathlib
import tempfile
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from foundation.refusal import Refusal
from pipeline.replay.spool import Spool
from pipeline.training.table_file import format_of, open_table
from pipeline.training.training_rows import ALWAYS, Chosen, TrainingRows
from pipeline.training.training_source import AFTER_GROUPS, BEFORE_GROUPS, EVENT_TIME, GROUPS, TrainingSource, type_in_group

_ROWS_A_GROUP = 65_536


@dataclass(slots=True)
class Summary:
    """The counts of an export: rows, rows with a label, rows with label 1, columns, and what was left out, as `Chosen` explains."""

    rows: int
    labelled: int
    positives: int
    columns: int
    repeats: int
    strangers: int
    ambiguous: int


def export(source: TrainingSource, out: pathlib.Path, span_ms: tuple[int, int] = ALWAYS, overwrite: bool = False) -> Summary:
    """Writes the decisions of `source` with their labels to `out`, sorted by (event time, event id, revision).

    Meanwhile a temporary folder beside `out` holds all decisions, and memory holds an index of them and one row group. The file appears
    when it is complete; its name says of what form it is, see `pipeline.training.table_file.format_of`. Only event times in `span_ms` are
    written; its start is inclusive and its end is exclusive.

    Raises:
        Refusal: `out` exists and `overwrite` is false, its folder does not exist, or the source cannot be read or is too large.
    """
    check_free(out, overwrite)
    with tempfile.TemporaryDirectory(prefix=".weir-export-", dir=out.parent) as name:
        folder = pathlib.Path(name)
        spool, rows = Spool(folder), TrainingRows()
        for batch in source.decisions():
            rows.add(batch, *spool.put(batch))
        spool.complete()
        for labels in source.labels():
            rows.add_labels(labels)
        chosen, schema = rows.choose(span_ms), _schema_of(spool.schemas)
        written = folder / f"out{out.suffix}"
        _write(spool, chosen, schema, written)
        check_free(out, overwrite)
        os.replace(written, out)
    has, positives = int((chosen.labels >= 0).sum()), int((chosen.labels == 1).sum())
    return Summary(len(chosen.rows), has, positives, len(schema), chosen.repeats, chosen.strangers, chosen.ambiguous)


def check_free(out: pathlib.Path, overwrite: bool) -> None:
    """Checks that `out` can be written.

    Raises:
        Refusal: it exists and `overwrite` is false, it is a folder, or its folder does not exist.
    """
    if not out.absolute().parent.is_dir():
        raise Refusal("no such folder", where=str(out), expected="a file in a folder that exists", got=str(out.parent))
    if out.is_dir() or (out.exists() and not overwrite):
        expected, remedy = "a file that does not exist yet", "" if out.is_dir() else "say --overwrite to replace it"
        raise Refusal("file exists", where=str(out), expected=expected, got="a folder" if out.is_dir() else "one that does", remedy=remedy)


def _schema_of(schemas: list[pa.Schema]) -> pa.Schema:
    """Gives all columns that any of `schemas` has, group by group, in the order in which they come."""
    names = dict.fromkeys(name for schema in schemas for name in schema.names)
    grouped = {name: type_in_group(name) for group in GROUPS for name in names if name.startswith(f"{group}.")}
    own = {"newest": pa.bool_(), "label": pa.int8(), "label_time": EVENT_TIME}
    return pa.schema(list((BEFORE_GROUPS | grouped | AFTER_GROUPS | own).items()))


def _write(spool: Spool, chosen: Chosen, schema: pa.Schema, path: pathlib.Path) -> None:
    with open_table(path, schema, format_of(path)) as write:
        for first in range(0, len(chosen.rows), _ROWS_A_GROUP):
            part = slice(first, first + _ROWS_A_GROUP)
            table = spool.take(chosen.files[part], chosen.batches[part], chosen.rows[part], schema.names)
            unlabelled = chosen.labels[part] < 0
            own = {
                "newest": pa.array(chosen.newest[part]),
                "label": pa.array(chosen.labels[part], mask=unlabelled),
                "label_time": pa.array(chosen.label_times_ms[part], mask=unlabelled).cast(EVENT_TIME),
            }
            given = dict(zip(table.column_names, table.columns, strict=True)) | own
            absent = np.setdiff1d(schema.names, list(given)).tolist()
            given |= {name: pa.nulls(len(table), schema.field(name).type) for name in absent}
            write(pa.table([given[name] for name in schema.names], schema=schema))
