"""What the end of an archived file tells: its row groups with their times, and which files it replaces."""

import datetime

import msgspec
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

from features.refusal import Refusal
from stores.archive_encoding import SCHEMA_VERSION, Kind, time_column
from stores.archive_merging import Part

REPLACES = b"weir.replaces"
_VERSION = b"weir.schema_version"
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MILLISECOND = datetime.timedelta(milliseconds=1)
_EVER_MS = 1 << 62


class Footer(msgspec.Struct, frozen=True):
    """The end of a file.

    Args:
        path, name: of the file, whole and without its folder.
        bytes: of the file.
        metadata: as Parquet has it.
        replaces: names of files of the same folder whose rows are all in this one.
    """

    path: str
    name: str
    bytes: int
    metadata: pq.FileMetaData
    replaces: tuple[str, ...]


def is_complete(name: str) -> bool:
    """Whether a file's name is one of a complete file; what is being written begins with a dot or an underscore."""
    return name.startswith("part-") and name.endswith(".parquet")


def read_footer(files: pyarrow.fs.FileSystem, info: pyarrow.fs.FileInfo) -> Footer:
    """The end of a file.

    Raises:
        Refusal: it is not Parquet, or not of this version of the archive.
        OSError: it cannot be reached, or is gone.
    """
    try:
        with files.open_input_file(info.path) as file:
            metadata = pq.read_metadata(file)
    except pa.ArrowInvalid as error:
        raise Refusal("bad file in the archive", where=info.path, expected="a Parquet file", got=str(error)) from error
    own = metadata.metadata or {}
    version = own.get(_VERSION, b"none").decode()
    if version != str(SCHEMA_VERSION):
        raise Refusal("bad file in the archive", where=info.path, expected=f"version {SCHEMA_VERSION} of its columns", got=version)
    replaces = msgspec.json.decode(own.get(REPLACES, b"[]"), type=tuple[str, ...])
    return Footer(info.path, info.base_name, info.size, metadata, replaces)


def parts_of(footer: Footer, kind: Kind) -> list[Part]:
    """The row groups that have rows."""
    column = footer.metadata.schema.names.index(time_column(kind))
    groups = [footer.metadata.row_group(number) for number in range(footer.metadata.num_row_groups)]
    return [Part(footer.path, number, *_bounds_ms(group, column)) for number, group in enumerate(groups) if group.num_rows]


def _bounds_ms(group: pq.RowGroupMetaData, column: int) -> tuple[int, int]:
    known = group.column(column).statistics
    if known is None or not known.has_min_max:
        return -_EVER_MS, _EVER_MS
    return (known.min - _EPOCH) // _MILLISECOND, (known.max - _EPOCH) // _MILLISECOND
