"""The archive read: events, decisions and labels of some days, from files on this machine, on HDFS or in S3-compatible storage."""

import contextlib
from collections.abc import Iterator
from typing import Protocol
from urllib.parse import urlsplit

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import pyarrow.parquet

from features.refusal import Refusal
from stores.archive_encoding import day_of, folder_of
from stores.archive_rows import Kind, schema_of, time_column
from stores.decisions import StoreUnavailableError

REPLACES = b"weir.replaces"
"""In a merged file's metadata: names of the files of its folder that it holds all of."""


class Day(msgspec.Struct, frozen=True):
    """What the archive has of one kind and day: `files` that count, their bytes and rows."""

    kind: Kind
    day: str
    files: int
    bytes: int
    rows: int


class Archive(Protocol):
    """History by kind and day.

    Raises:
        StoreUnavailableError: any call, when the file system does not answer.
        Refusal: a file is none of this archive's.
    """

    def days(self, kind: Kind) -> list[Day]:
        """What there is, oldest first."""

    def read(self, kind: Kind, from_ms: int | None = None, to_ms: int | None = None) -> Iterator[pa.Table]:
        """Rows with times in [from_ms, to_ms), a table a day, each in the order of (time, partition, offset).

        Times are those of `archive_rows.time_column`. A record that was written twice is there once; a day is held in memory.
        """


class FileArchive:
    """Files below one root; see `Archive`. Files without a name yet, which begin with a dot, are not there.

    Args:
        files: the file system.
        root: path of the root there.
    """

    def __init__(self, files: pyarrow.fs.FileSystem, root: str) -> None:
        self.files = files
        self.root = root.rstrip("/")

    def days(self, kind: Kind) -> list[Day]:
        with naming_the_store(self.root):
            return [self._day(kind, day) for day in self.day_names(kind)]

    def read(self, kind: Kind, from_ms: int | None = None, to_ms: int | None = None) -> Iterator[pa.Table]:
        with naming_the_store(self.root):
            first, last = ("" if from_ms is None else day_of(from_ms)), ("~" if to_ms is None else day_of(to_ms - 1))
            for day in self.day_names(kind):
                if first <= day <= last:
                    table = between(self.table(kind, day), time_column(kind), from_ms, to_ms)
                    if len(table):
                        yield table

    def day_names(self, kind: Kind) -> list[str]:
        """Days that have a folder, oldest first."""
        selector = pyarrow.fs.FileSelector(f"{self.root}/{kind}", allow_not_found=True)
        found = [each.base_name for each in self.files.get_file_info(selector) if each.type == pyarrow.fs.FileType.Directory]
        return sorted(name.removeprefix("day=") for name in found if name.startswith("day="))

    def table(self, kind: Kind, day: str) -> pa.Table:
        """All rows of a day, in order, each once."""
        tables = [self._read_file(kind, path) for path, _ in self.counting(kind, day)]
        return in_order(pa.concat_tables([schema_of(kind).empty_table(), *tables]), time_column(kind))

    def counting(self, kind: Kind, day: str) -> list[tuple[str, int]]:
        """Path and bytes of the files of a day, without those that a merged one replaces."""
        return self._files(kind, day)[0]

    def replaced(self, kind: Kind, day: str) -> list[tuple[str, int]]:
        """Path and bytes of the files of a day that a merged one holds all of."""
        return self._files(kind, day)[1]

    def _files(self, kind: Kind, day: str) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        selector = pyarrow.fs.FileSelector(f"{self.root}/{folder_of(kind, day)}", allow_not_found=True)
        found = [each for each in self.files.get_file_info(selector) if each.is_file and each.base_name[0] not in "._"]
        gone = {name for each in found for name in self._replaced_by(each.path)}
        counting = sorted((each.path, each.size) for each in found if each.base_name not in gone)
        return counting, sorted((each.path, each.size) for each in found if each.base_name in gone)

    def _replaced_by(self, path: str) -> list[str]:
        if "/merged-" not in path:
            return []
        metadata = self._open(path).schema_arrow.metadata or {}
        return msgspec.json.decode(metadata.get(REPLACES, b"[]"), type=list[str])

    def _day(self, kind: Kind, day: str) -> Day:
        files = self.counting(kind, day)
        rows = sum(self._open(path).metadata.num_rows for path, _ in files)
        return Day(kind, day, len(files), sum(size for _, size in files), rows)

    def _read_file(self, kind: Kind, path: str) -> pa.Table:
        table, expected = self._open(path).read(), schema_of(kind)
        if not table.schema.equals(expected):
            raise Refusal("not a file of the archive", where=path, expected=str(expected), got=str(table.schema))
        return table.replace_schema_metadata(expected.metadata)

    def _open(self, path: str) -> pyarrow.parquet.ParquetFile:
        try:
            return pyarrow.parquet.ParquetFile(self.files.open_input_file(path))
        except pa.ArrowInvalid as error:
            raise Refusal("not a file of the archive", where=path, expected="a Parquet file", got=str(error)) from error


def in_order(table: pa.Table, time: str) -> pa.Table:
    """Rows by time and place, each place once."""
    by_place = table.sort_by([(time, "ascending"), ("partition", "ascending"), ("offset", "ascending")])
    if len(by_place) < 2:
        return by_place
    earlier, later = by_place.slice(0, len(by_place) - 1), by_place.slice(1)
    same = pc.and_(pc.equal(earlier["partition"], later["partition"]), pc.equal(earlier["offset"], later["offset"]))
    return by_place.filter(pa.concat_arrays([pa.array([True]), *pc.invert(same).chunks]))


def between(table: pa.Table, time: str, from_ms: int | None, to_ms: int | None) -> pa.Table:
    """The rows with times in [from_ms, to_ms)."""
    times = table[time].cast(pa.int64())
    if from_ms is not None:
        table, times = table.filter(pc.greater_equal(times, from_ms)), times.filter(pc.greater_equal(times, from_ms))
    return table if to_ms is None else table.filter(pc.less(times, to_ms))


def open_archive(url: str) -> FileArchive:
    """The archive at ``file:///…``, ``hdfs://host:port/…`` or ``s3://bucket/…``; what S3 needs is read from the environment.

    Raises:
        Refusal: the URL is none of these.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FileArchive(pyarrow.fs.LocalFileSystem(), parts.path)
    if parts.scheme == "hdfs" and parts.hostname:
        from hdfs_native.fsspec import HdfsFileSystem

        hdfs = HdfsFileSystem(host=parts.hostname, port=parts.port or 8020)
        return FileArchive(pyarrow.fs.PyFileSystem(pyarrow.fs.FSSpecHandler(hdfs)), parts.path)
    if parts.scheme == "s3" and parts.netloc:
        return FileArchive(pyarrow.fs.S3FileSystem(), parts.netloc + parts.path)
    raise Refusal("bad archive", where="WEIR_ARCHIVE_URL", expected="file:///…, hdfs://host:port/… or s3://bucket/…", got=url)


@contextlib.contextmanager
def naming_the_store(root: str) -> Iterator[None]:
    """What the file system raises is told as the store's own error."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise StoreUnavailableError(f"archive {root}: {error}") from error
