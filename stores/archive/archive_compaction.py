"""Merges the small files of a day: each checkpoint makes a file, and a day has thousands of them."""

import contextlib
import hashlib
from collections.abc import Sequence

import msgspec
import pyarrow.fs
import pyarrow.parquet

from stores.archive.archive_encoding import WRITING, folder_of
from stores.archive.archive_files import FileArchive, naming_the_store
from stores.archive.archive_footers import EVER_MS, REPLACES, Footer
from stores.archive.archive_rows import Day, Kind, schema_of

FILES_LEAST = 2
_HIDDEN = ".merged-"


def compact(archive: FileArchive, kind: Kind, day: str) -> Day | None:
    """Merges the files of a day into one, sorted, each record once. Returns None when there are fewer than two files.

    The merged file names in its metadata the files whose rows it holds: as soon as it exists, readers skip those, and only then are they
    deleted. A crash at any point leaves each record readable once; the next compaction removes what was left over. Two compactions at once
    do the work twice and harm nothing. Memory holds the files that overlap in time, not a whole day.

    Raises:
        StoreUnavailableError: the file system does not answer.
    """
    _delete_replaced(archive, kind, day)
    _delete_unfinished(archive, f"{archive.root}/{folder_of(kind, day)}")
    files = archive.counting(kind, day)
    if len(files) < FILES_LEAST:
        return None
    path, rows = _write(archive, kind, f"{archive.root}/{folder_of(kind, day)}", files)
    _delete_replaced(archive, kind, day)
    with naming_the_store(archive.root):
        return Day(kind, day, 1, int(archive.files.get_file_info(path).size), rows)


def _write(archive: FileArchive, kind: Kind, folder: str, files: Sequence[Footer]) -> tuple[str, int]:
    names = msgspec.json.encode([each.name for each in files])
    schema = schema_of(kind).with_metadata(dict(schema_of(kind).metadata) | {REPLACES: names})
    name = f"{hashlib.sha256(names).hexdigest()[:16]}.parquet"
    hidden, path, rows = f"{folder}/{_HIDDEN}{name}", f"{folder}/merged-{name}", 0
    with naming_the_store(archive.root):
        with archive.files.open_output_stream(hidden) as out, pyarrow.parquet.ParquetWriter(out, schema, **WRITING) as writer:
            for table in archive.rows_of(kind, files, -EVER_MS, EVER_MS, schema.names):
                writer.write_table(table.select(schema.names).replace_schema_metadata(schema.metadata))
                rows += len(table)
        archive.files.move(hidden, path)
    return path, rows


def _delete_replaced(archive: FileArchive, kind: Kind, day: str) -> None:
    for each in archive.replaced(kind, day):
        _delete(archive, each.path)


def _delete_unfinished(archive: FileArchive, folder: str) -> None:
    """Deletes the unfinished files that a killed compaction left."""
    with naming_the_store(archive.root):
        found = archive.files.get_file_info(pyarrow.fs.FileSelector(folder, allow_not_found=True))
    for each in found:
        if each.base_name.startswith(_HIDDEN):
            _delete(archive, each.path)


def _delete(archive: FileArchive, path: str) -> None:
    with naming_the_store(archive.root), contextlib.suppress(FileNotFoundError):
        archive.files.delete_file(path)
