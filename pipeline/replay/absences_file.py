"""The file alerts.parquet has one row for each absence at the end of a sequence that came true, in the order of their deadlines."""

import pathlib
from collections.abc import Sequence

import msgspec
import pyarrow as pa
import pyarrow.parquet

from patterns.absences import Absence
from pipeline.engine.decisions.absence_record import AbsenceRecord, absence_record

NAME = "alerts.parquet"
_TAKEN = pa.struct([("event_time", pa.timestamp("ms")), ("id_key", pa.int64())])
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("type", pa.string()),
        ("pattern", pa.string()),
        ("version", pa.string()),
        ("severity", pa.string()),
        ("status", pa.string()),
        ("shadow", pa.bool_()),
        ("entity_kind", pa.string()),
        ("entity_id", pa.string()),
        ("event_time", pa.timestamp("ms")),
        ("events", pa.list_(_TAKEN)),
        ("values", pa.string()),
        ("reason", pa.string()),
        ("release", pa.int32()),
    ]
)
"""`event_time` is the deadline, and `values` are JSON; the columns are those of `AbsenceRecord`."""


def write_absences(path: pathlib.Path, absences: Sequence[Absence], release: int) -> None:
    """Writes the file; an existing one is replaced."""
    ordered = sorted(absences, key=lambda absence: (absence.deadline_ms, absence.id))
    rows = [_row(absence_record(absence, release)) for absence in ordered]
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows, SCHEMA), path, compression="zstd")


def _row(record: AbsenceRecord) -> dict[str, object]:
    values = {name: getattr(record, name) for name in ("id", "pattern", "version", "severity", "status", "shadow", "event_time", "reason")}
    return values | {
        "type": "absence",
        "entity_kind": record.entity.kind,
        "entity_id": record.entity.id,
        "events": [{"event_time": time_ms, "id_key": id_key} for time_ms, id_key in record.events],
        "values": msgspec.json.encode(record.values).decode(),
        "release": record.release,
    }
