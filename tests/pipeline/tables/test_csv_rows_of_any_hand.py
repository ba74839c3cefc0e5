"""CSV as people and programs write it, with damage: each row is what the same JSON is live, or is refused in the same words."""

import json
import pathlib
import random

import pyarrow as pa
import pyarrow.parquet
import pytest
from example_counts import IS_DEEP, examples
from live_rows import MOMENTS, TIME, TIMES, WHOLES, json_of_text, kinds_of, object_of, said_live, said_of, schema_of

from foundation.refusal import Refusal
from pipeline.learning.read_label import read_label
from pipeline.tables.event_files import read_history
from pipeline.tables.label_files import label_key_of, read_labels
from pipeline.tables.refused import RefusedRows

pytestmark = [pytest.mark.deep] if IS_DEEP else []
ROWS = 300
NOT_UTF8 = [b"\xff", b"caf\xe9", b"\xed\xa0\x80", b"\xc0\xaf", b"a\xfe"]
NUMBERS = ["0", "-0", "1", "1.5", "-2.25", "1e3", "1E-2", "12.345", "1,5", "1.234,5", "+1", "01", ".5", "5.", " 1", "1 ", "1_000", "0x10"]
NUMBERS += ["nan", "NaN", "inf", "-Infinity", "1e999", "9" * 40, "1" * 400, "true", "٣", "1.0", "2.00", "-", "e", "1d"]
TEXTS = ["a", "", " ", "é", "\u2028", "x" * 512, "x" * 513, '"', '""', "a,b;c|d\te", "a\nb", "a\r\nb", "null", "NULL", "N/A"]
TEXTS += ["\ufeff", "007"]
TRUTHS = ["true", "false", "TRUE", "False", "1", "0", "1.0", "yes", "t", "2", ""]
DATES = [*MOMENTS, "08.01.2026", "2026/01/08", "2026-01-08T15:02", "1767884551", "2026-01-08T15:02:31+0200", "2026-13-01T00:00:00Z"]


def pool_of(draw: random.Random, kind: str, unit: str, usual: int) -> list[str]:
    """What cells of a column hold; `usual` says how often what fits."""
    if kind == "time":
        right = MOMENTS[:2] if unit == "rfc3339" else [str(time) for time in TIMES[unit][:2]]
        return right * usual + draw.choice([[], DATES, NUMBERS, [str(whole) for whole in WHOLES]])
    right = {"decimal": ["1", "2.50"], "float": ["1.5", "2"], "integer": ["1", "7.0"], "boolean": ["true", "0"]}.get(kind, ["a", "7"])
    wild = {"boolean": TRUTHS, "text": TEXTS, "key": TEXTS}.get(kind, NUMBERS)
    return right * usual + wild


def written(draw: random.Random, cell: bytes, delimiter: bytes, quotes: float) -> bytes:
    """A cell as it stands in the file: in quotes where it must be, and sometimes where it need not."""
    if any(each in cell for each in (delimiter, b'"', b"\n", b"\r")) or draw.random() < quotes:
        return b'"' + cell.replace(b'"', b'""') + b'"'
    return cell


class Written:
    """A file and what the same rows say live.

    Args:
        seed: of all choices.
        path: where the file goes.
        unit: of the times.
    """

    def __init__(self, seed: int, path: pathlib.Path, id_type: str, unit: str) -> None:
        draw = random.Random(seed)
        kinds = kinds_of(id_type)
        self.lines: list[bytes] = []
        self.refused: dict[int, tuple[str, str]] = {}
        delimiter, end, quotes = draw.choice([b",", b";", b"\t", b"|"]), draw.choice([b"\n", b"\r\n"]), draw.choice([0.0, 0.1, 1.0])
        odd = draw.sample(list(kinds), 2)
        pools = {name: pool_of(draw, kind, unit, 6 if name in odd else 500) for name, kind in kinds.items()}
        rows = [delimiter.join(written(draw, name.encode(), delimiter, quotes) for name in kinds)]
        for row in range(1, ROWS + 1):
            cells = {name: draw.choice(pool).encode() for name, pool in pools.items()}
            if draw.random() < 0.02:
                cells[draw.choice(list(cells))] = draw.choice(NOT_UTF8)
            self._say(row, cells, kinds, unit)
            texts = [written(draw, cell, delimiter, quotes) for cell in cells.values()]
            if draw.random() < 0.03:
                texts = draw.choice([texts[:-1], [*texts, b"x"], texts * 2])
                self.refused[row] = ("wrong number of cells", "row")
            rows.append(delimiter.join(texts))
            if draw.random() < 0.02:
                rows.append(b"")
        path.write_bytes(draw.choice([b"", b"\xef\xbb\xbf"]) + end.join(rows) + draw.choice([b"", end, end + end]))

    def _say(self, row: int, cells: dict[str, bytes], kinds: dict[str, str], unit: str) -> None:
        parts: dict[str, str] = {}
        for name, cell in cells.items():
            try:
                text = cell.decode()
            except UnicodeDecodeError:
                self.refused[row] = ("not UTF-8", name)
                continue
            parts[name] = json_of_text(text, kinds[name], unit)
        self.lines.append(object_of({name: part for name, part in parts.items() if part}))


@pytest.mark.parametrize("unit", ["ms", "us", "s", "rfc3339"])
@pytest.mark.parametrize("id_type", ["string", "integer"])
def test_a_row_of_csv_by_any_hand_is_what_the_same_json_is_live(tmp_path: pathlib.Path, id_type: str, unit: str) -> None:
    schema, path = schema_of(id_type, unit), tmp_path / "events.csv"
    for seed in range(examples(2)):
        made = Written(seed, path, id_type, unit)
        good = [line for row, line in enumerate(made.lines, 1) if row not in made.refused]
        rows = [row for row in range(1, ROWS + 1) if row not in made.refused]
        events, refused = said_live(schema, good)
        expected = [(rows[row - 1], what, where) for row, what, where in refused] + [(row, *said) for row, said in made.refused.items()]
        assert said_of(read_history([path], schema, "arrival")) == (events, sorted(expected)), f"seed {seed}"


LABELS = ["0", "1", "1.0", "0.0", "2", "-1", "true", "", "yes", "1e0", "0.5", "9" * 30]
IDS = ["1", "2", "007", "a", "", "é", "x" * 600, "9223372036854775808", "-5", "1.0", '"', "a\nb"]
LABEL_TIMES = [str(TIME), str(TIME + 1), "0", "946684799999", "253402300799999", "253402300800000", "-1", "1.5", "", "2026-01-08T15:02:31Z"]
LABEL_TIMES += [f"{TIME}.0", "9" * 25, "yesterday"]


def said_of_label(line: bytes, id_type: str, unit: str) -> tuple[object, ...]:
    """What a label says, or the words of its refusal."""
    try:
        label = read_label(line, 946_684_800_000)
        key = label_key_of(label.event.event_id, schema_of(id_type, unit))
    except Refusal as refusal:
        return (refusal.what, refusal.where)
    return (key, label.label, label.time_ms, label.event.user)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("id_type", ["string", "integer"])
def test_a_row_of_a_file_of_labels_is_what_the_same_label_is_live(tmp_path: pathlib.Path, id_type: str, suffix: str) -> None:
    path, kinds = tmp_path / f"labels.{suffix}", {"event_id": "key", "label": "integer", "label_time": "time", "user": "key"}
    for seed in range(examples(3)):
        draw = random.Random(seed)
        pools = {"event_id": IDS, "label": ["0", "1"] * 9 + LABELS, "label_time": [str(TIME)] * 9 + LABEL_TIMES, "user": ["u", "v", ""]}
        rows = [{name: draw.choice(pool) for name, pool in pools.items()} for _ in range(ROWS)]
        texts = [{name: json_of_text(text, kinds[name], "ms") for name, text in row.items()} for row in rows]
        lines = [object_of({name: part for name, part in row.items() if part}) for row in texts]
        if suffix == "csv":
            cells = [b",".join(written(draw, text.encode(), b",", 0.1) for text in row.values()) for row in rows]
            path.write_bytes(b"\n".join([",".join(kinds).encode(), *cells]))
        elif suffix == "jsonl":
            path.write_bytes(b"\n".join(lines))
        else:
            table = {name: pa.array([row[name] or None for row in rows], pa.string()) for name in kinds}
            pyarrow.parquet.write_table(pa.table(table), path)
            lines = [json.dumps({name: text for name, text in row.items() if text}).encode() for row in rows]
        refused = RefusedRows()
        labels = read_labels(path, schema_of(id_type, "ms"), refused)
        said = {row: (refusal.what, refusal.where) for row, refusal in ((each.row, each.refusal) for each in refused)}
        found = zip(labels.id_keys.tolist(), labels.labels.tolist(), labels.times_ms.tolist(), labels.users or [], strict=True)
        said |= dict(zip(labels.rows.tolist(), found, strict=True))
        assert said == {row: said_of_label(line, id_type, "ms") for row, line in enumerate(lines, 1)}, f"seed {seed}"
