"""Small files of one day made into one: a checkpoint makes a file, and a day has thousands of them."""

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
    """Merges the files of a day, sorted, each record once; None when there are not two.

    The merged file names in its metadata those that it holds all of: from the moment it is there readers pass over them, and only then
    are they deleted. A crash at any point leaves each record readable once; what is left over goes the next time. Two at once do
    work twice and no harm. Memory holds what files overlap in time, not a day.

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
    """What a killed compaction left."""
    with naming_the_store(archive.root):
        found = archive.files.get_file_info(pyarrow.fs.FileSelector(folder, allow_not_found=True))
    for each in found:
        if each.base_name.startswith(_HIDDEN):
            _delete(archive, each.path)


def _delete(archive: FileArchive, path: str) -> None:
    with naming_the_store(archive.root), contextlib.suppress(FileNotFoundError):
        archive.files.delete_file(path)
