"""How fast the archive is written, read and compacted, on files of this machine and on HDFS, and how small it is.

Made-up payments of a day and the decisions that a replay of the sample `payments` makes of them, in many files, as the archive job leaves
them.
"""

import pathlib
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator

import msgspec
import numpy as np

from deploy.command import DEMO_CONFIG
from deploy.demo.payments import Town
from deploy.local.releases import read_folder
from deploy.machine.ports import free_ports
from deploy.machine.processes import Processes
from deploy.servers.hdfs import Hdfs
from features.schema.batch import Batch
from features.schema.decode import Decoder
from pipeline.engine.decisions.decision import decisions_of
from pipeline.engine.definitions.release import Release, compile_release
from pipeline.replay.replay import Replay
from pipeline.tables.event_files import History
from stores.archive.archive import open_archive
from stores.archive.archive_compaction import compact
from stores.archive.archive_encoding import day_of, decode_decision, encode_decisions, encode_records, folder_of
from stores.archive.archive_files import FileArchive
from stores.archive.archive_rows import ArchivedRecord, Kind

EVENTS = 200_000
DECISIONS = 50_000
FILES = {"on files": 1_440, "on HDFS": 144}
"""Of a day: a file is there on HDFS after a fifth of a second."""
PARTITIONS = 4
START_MS = 1_764_028_800_000
STEP_MS = 86_400_000 // EVENTS


def rows_of(values: list[bytes]) -> list[ArchivedRecord]:
    """Records that came at even intervals over a day."""
    step_ms = 86_400_000 // len(values)
    return [ArchivedRecord(at % PARTITIONS, at // PARTITIONS, START_MS + at * step_ms, b"c1234", value) for at, value in enumerate(values)]


def decisions(release: Release, values: list[bytes]) -> Iterator[bytes]:
    """The decisions that the engine makes of events."""
    decode = Decoder(release.schema).decode
    batch = Batch.of([decode(value, 1 << 60) for value in values], release.schema)
    for verdicts, part in Replay(release, History(batch), None).scored():
        arrived = np.zeros(len(part), np.int64)
        for decision in decisions_of(verdicts, part, np.zeros(len(part), np.uint8), arrived, 5.0):
            yield msgspec.json.encode(decision)


def images(kind: Kind, rows: list[ArchivedRecord], files: int) -> list[bytes]:
    """As many files, one after the other in time."""
    a_file = -(-len(rows) // files)
    parts = [rows[first : first + a_file] for first in range(0, len(rows), a_file)]
    if kind == "decisions":
        return [encode_decisions(part, [decode_decision(row.value) for row in part]) for part in parts]
    return [encode_records(part) for part in parts]


def measure(kind: Kind, values: list[bytes], place: str, where: str) -> None:
    """Prints a line of figures for each step."""
    rows, raw = rows_of(values), sum(map(len, values))
    began = time.perf_counter()
    made = images(kind, rows, FILES[where])
    encoded = time.perf_counter() - began
    archive = open_archive(place)
    write(archive, kind, made)
    stored = sum(map(len, made))
    name = f"{kind} {where}"
    print(f"{name:<22} encoded {len(rows) / encoded:>9,.0f} rows/s  {stored / len(rows):6.1f} bytes a row, raw JSON {raw / len(rows):.1f}")
    read(archive, kind, len(rows), f"{name}, {len(made):,} files")
    began = time.perf_counter()
    day = compact(archive, kind, day_of(START_MS))
    compacted = time.perf_counter() - began
    assert day is not None
    assert day.rows == len(rows)
    print(f"{name:<22} compacted {len(rows) / compacted:>7,.0f} rows/s  {day.bytes / len(rows):6.1f} bytes a row, {compacted:.1f} s")
    read(archive, kind, len(rows), f"{name}, 1 file")


def write(archive: FileArchive, kind: Kind, made: list[bytes]) -> None:
    folder = f"{archive.root}/{folder_of(kind, day_of(START_MS))}"
    archive.files.create_dir(folder, recursive=True)
    for image in made:
        with archive.files.open_output_stream(f"{folder}/part-{uuid.uuid4().hex}.parquet") as file:
            file.write(image)


def read(archive: FileArchive, kind: Kind, count: int, name: str) -> None:
    began = time.perf_counter()
    rows = sum(len(table["value"].to_pylist()) for table in archive.read(kind, columns=("partition", "offset", "value")))
    seconds = time.perf_counter() - began
    assert rows == count
    print(f"{name:<36} read {rows / seconds:>9,.0f} rows/s  ({seconds:.2f} s)")


def main() -> None:
    """Runs all."""
    town = Town(1)
    events = [town.payment(START_MS + at * STEP_MS).encode() for at in range(EVENTS)]
    made = list(decisions(compile_release(1, read_folder(DEMO_CONFIG)), events[:DECISIONS]))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-archive-"))
    hdfs = Hdfs(folder / "hdfs", folder / "logs", *free_ports(2))
    try:
        with Processes() as processes:
            name_node = processes.add(hdfs.launch_name_node())
            processes.add(hdfs.launch_data_node())
            hdfs.wait(name_node)
            for place, where in (((folder / "archive").as_uri(), "on files"), (f"{hdfs.url}/archive", "on HDFS")):
                measure("events", events, place, where)
                measure("decisions", made, place, where)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
