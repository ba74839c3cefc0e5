"""Rows of tables, and what the same rows say as live events in JSON."""

import json
import math
import re
from typing import Any

import numpy as np

from features.schema.batch import Batch
from features.schema.decode import Decoder
from features.schema.schema import LAST_TIME_MS, read_schema
from foundation.refusal import Refusal
from pipeline.tables.event_files import History

ROWS = 300
TIME = 1_767_884_551_090
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
WHOLE = re.compile(r"(-?(?:0|[1-9]\d*))(?:\.0+)?")


def schema_of(id_type: str, unit: str):
    return read_schema(f"""
id: {{field: id, type: {id_type}}}
time: {{field: at, unit: {unit}}}
user: user
entities: [card.shop]
fields:
  amount: {{type: decimal, scale: 2}}
  ratio: {{type: float, required: false}}
  items: {{type: integer}}
  online: {{type: boolean, required: false}}
  card.code: {{type: string, required: false}}
""")


FLOATS = [0.0, -0.0, 1.0, 1.5, 12.34, 1.005, 233.64999999999998, 1e13, 1e15, 1e16, -1e18, 1e300]
FLOATS += [4111111111111111.0, float(2**53), float("inf")]
WHOLES = [0, 1, -1, 7, 10**13, 10**13 + 1, 2**53 - 1, 2**53, 2**53 + 1, -(2**62), 2**63 - 1, TIME, TIME // 1000]
TEXTS = ["a", "007", "", "é", "x" * 512, "x" * 513, "true", "1", "1.00", "1,00", " 1", "NaN", "nan", "inf"]
TEXTS += ["1e5", '"', "a\nb", "\u2028", "-0", "+1"]
MOMENTS = ["2026-01-08T15:02:31Z", "2026-01-08T15:02:31.090999+02:00", "2026-01-08T15:02:31", "2026-02-30T00:00:00Z"]
MOMENTS += ["1999-12-31T23:59:59.999Z", "2026-01-08 15:02:31Z", "2026-01-08T15:02:31.1234567Z", "2026-01-08"]
MOMENTS += ["9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "yesterday"]
TIMES = {
    "ms": [TIME, TIME + 1, 946_684_800_000, 946_684_799_999, TIME // 1000, LAST_TIME_MS, LAST_TIME_MS + 1],
    "us": [TIME * 1000 + 999, 946_684_800_000_000, 946_684_799_999_999, TIME],
    "s": [TIME // 1000, 946_684_800, 946_684_799, 2**62],
}


KINDS = {"user": "key", "card.shop": "key", "amount": "decimal", "ratio": "float", "items": "integer"}
KINDS |= {"online": "boolean", "card.code": "text"}


def kinds_of(id_type: str) -> dict[str, str]:
    return {"id": "integer" if id_type == "integer" else "text", "at": "time"} | KINDS


def json_of_value(value: Any, kind: str, unit: str) -> Any:
    """What JSON has in place of a cell of Parquet; ... for nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ...
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float) and math.isinf(value):
        return str(value)
    if kind == "boolean" and value in (0, 1):
        return bool(value)
    whole = kind in ("text", "key", "integer") or (kind == "time" and unit in ("ms", "us"))
    if whole and isinstance(value, float) and value == int(value) and abs(value) < 2**53:
        value = int(value)
    return str(value) if kind == "text" and isinstance(value, int) and not isinstance(value, bool) else value


def json_of_text(text: str, kind: str, unit: str) -> str:
    """The JSON that stands for a cell of CSV; '' for nothing."""
    whole = WHOLE.fullmatch(text)
    if not text:
        return ""
    if (kind == "integer" or (kind == "time" and unit in ("ms", "us"))) and whole:
        return whole[1]
    if (kind in ("float", "decimal") or (kind == "time" and unit == "s")) and NUMBER.fullmatch(text):
        return text
    if kind == "boolean" and text.lower() in ("true", "1", "1.0"):
        return "true"
    if kind == "boolean" and text.lower() in ("false", "0", "0.0"):
        return "false"
    return json.dumps(text)


def object_of(parts: dict[str, str]) -> bytes:
    """A JSON object of JSON by dotted name. Of two bad fields the decoder tells the first, so their order is that of the schema."""
    card = ", ".join(f'"{name.partition(".")[2]}": {part}' for name, part in parts.items() if "." in name)
    members = {name.partition(".")[0]: f"{{{card}}}" if "." in name else part for name, part in parts.items()}
    return ("{" + ", ".join(f'"{name}": {part}' for name, part in members.items()) + "}").encode()


def said_live(schema: Any, lines: list[bytes]) -> tuple[list[tuple[Any, ...]], list[tuple[int, str, str]]]:
    """Events as tuples, and (row, what, where) of each refusal."""
    decoder, events, refused = Decoder(schema), [], []
    for row, line in enumerate(lines, 1):
        try:
            events.append(decoder.decode(line, LAST_TIME_MS - schema.max_ahead_ms))
        except Refusal as refusal:
            refused.append((row, refusal.what, refusal.where))
    return rows_of(Batch.of(events, schema)), refused


def rows_of(batch: Batch) -> list[tuple[Any, ...]]:
    bits = np.ascontiguousarray(batch.numbers).view(np.int64)
    nan = np.isnan(batch.numbers)
    numbers = [tuple(row) for row in np.where(nan, -1, bits).tolist()]
    texts = list(zip(*batch.entities.values(), *batch.texts.values(), strict=True))
    keys = zip(batch.ids, batch.id_keys.tolist(), batch.orders.tolist(), strict=True)
    return list(zip(keys, batch.times_ms.tolist(), batch.users, numbers, texts, strict=True))


def said_of(history: History) -> tuple[list[tuple[Any, ...]], list[tuple[int, str, str]]]:
    refused = sorted((each.row, each.refusal.what, each.refusal.where) for each in history.refused)
    return rows_of(history.batch), refused
