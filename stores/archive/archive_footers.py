"""Reads the footers of archived files: their row groups with times, and which files they replace."""

import msgspec
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet

from foundation.refusal import Refusal
from stores.archive.archive_merging import Part
from stores.archive.archive_rows import Kind, older_schemas_of, schema_of, time_column

REPLACES = b"weir.replaces"
"""The metadata key of a merged file under which the names of the files stand whose rows it holds."""

EVER_MS = 1 << 62


class Footer(msgspec.Struct, frozen=True):
    """Holds what the footer of a file says.

    Args:
        path: the file's path.
        bytes: the file's size.
        metadata: Parquet's metadata of the file.
        replaces: names of the files in the same folder whose rows are all in this one.
    """

    path: str
    bytes: int
    metadata: pyarrow.parquet.FileMetaData
    replaces: tuple[str, ...]

    @property
    def name(self) -> str:
        """Returns the file's name without its folder."""
        return self.path.rpartition("/")[2]


def read_footer(files: pyarrow.fs.FileSystem, kind: Kind, path: str, size: int) -> Footer:
    """Reads the footer of the file at `path`, which has `size` bytes.

    Raises:
        Refusal: the file is not Parquet, or does not have the columns of `kind`.
        OSError: the file cannot be reached, or is gone.
    """
    try:
        with files.open_input_file(path) as file:
            metadata = pyarrow.parquet.read_metadata(file)
        found = metadata.schema.to_arrow_schema()
    except pa.ArrowInvalid as error:
        raise Refusal("not a file of the archive", where=path, expected="a Parquet file", got=str(error)) from error
    if not any(found.equals(known) for known in (schema_of(kind), *older_schemas_of(kind))):
        raise Refusal("not a file of the archive", where=path, expected=", ".join(schema_of(kind).names), got=str(found))
    replaces = msgspec.json.decode((metadata.metadata or {}).get(REPLACES, b"[]"), type=tuple[str, ...])
    return Footer(path, size, metadata, replaces)


def parts_of(footer: Footer, kind: Kind) -> list[Part]:
    """Returns the row groups of a file that have rows."""
    column = footer.metadata.schema.names.index(time_column(kind))
    groups = [footer.metadata.row_group(number) for number in range(footer.metadata.num_row_groups)]
    return [Part(footer.path, number, *_bounds_ms(group, column)) for number, group in enumerate(groups) if group.num_rows]


def _bounds_ms(group: pyarrow.parquet.RowGroupMetaData, column: int) -> tuple[int, int]:
    known = group.column(column).statistics
    if known is None or not known.has_min_max:
        return -EVER_MS, EVER_MS
    return known.min_raw, known.max_raw  # raw numbers: as dates, times out of range would overflow
