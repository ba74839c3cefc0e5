"""Small files of one day made into one: a checkpoint makes a file, and a day has thousands of them."""

import hashlib

import msgspec
import pyarrow as pa
import pyarrow.parquet

from stores.archive import REPLACES, Day, FileArchive, naming_the_store
from stores.archive_encoding import ROW_GROUP, folder_of
from stores.archive_rows import Kind

FILES_LEAST = 2


def compact(archive: FileArchive, kind: Kind, day: str) -> Day | None:
    """Merges the files of a day, sorted, each record once; None when there are not two.

    The merged file names in its metadata those that it holds all of: from the moment it is there readers pass over them, and only then
    are they deleted. A crash at any point leaves each record readable once; what is left over goes the next time. Holds a day in memory.

    Raises:
        StoreUnavailableError: the file system does not answer.
    """
    with naming_the_store(archive.root):
        _delete_replaced(archive, kind, day)
        files = archive.counting(kind, day)
        if len(files) < FILES_LEAST:
            return None
        names = [path.rpartition("/")[2] for path, _ in files]
        table = archive.table(kind, day)
        path = _write(archive, f"{archive.root}/{folder_of(kind, day)}", table, names)
        _delete_replaced(archive, kind, day)
        return Day(kind, day, 1, int(archive.files.get_file_info(path).size), len(table))


def _write(archive: FileArchive, folder: str, table: pa.Table, names: list[str]) -> str:
    metadata = dict(table.schema.metadata or {}) | {REPLACES: msgspec.json.encode(names)}
    name = f"merged-{hashlib.sha256(metadata[REPLACES]).hexdigest()[:16]}.parquet"
    hidden = f"{folder}/.{name}"
    with archive.files.open_output_stream(hidden) as out:
        pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), out, compression="zstd", row_group_size=ROW_GROUP)
    archive.files.move(hidden, f"{folder}/{name}")
    return f"{folder}/{name}"


def _delete_replaced(archive: FileArchive, kind: Kind, day: str) -> None:
    for path, _ in archive.replaced(kind, day):
        archive.files.delete_file(path)
