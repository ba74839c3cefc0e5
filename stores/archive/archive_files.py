"""Implements the archive over an Arrow file system: local files, HDFS and S3 share this code."""

import contextlib
import functools
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet

from stores.archive.archive_encoding import day_of, folder_of
from stores.archive.archive_footers import EVER_MS, Footer, parts_of, read_footer
from stores.archive.archive_merging import Part, merged, needed_columns, times_ms
from stores.archive.archive_rows import Day, Kind, completed, schema_of, time_column
from stores.decisions import StoreUnavailableError

FOOTERS_AT_ONCE = 8
LISTINGS_MAX = 5
ONE_LOG = "one-log"


class FileArchive:
    """Reads files below one root; see `stores.archive.archive.Archive`. A name that begins with a dot or underscore is incomplete.

    Args:
        files: the file system; each call ends in bounded time, with `OSError` if it does not answer.
        root: the path of the root in it.
    """

    def __init__(self, files: pyarrow.fs.FileSystem, root: str) -> None:
        self.files = files
        self.root = root.rstrip("/")

    def note_one_log(self) -> None:
        """Notes that the offset of each record, but for those of decisions, is its place in one log.

        Raises:
            OSError: it cannot be written now.
        """
        if not self.is_one_log():
            self.files.create_dir(self.root, recursive=True)
            with self.files.open_output_stream(f"{self.root}/{ONE_LOG}") as out:
                out.write(b"The offset of each record here, but for those of decisions, is its place in one log.\n")

    def is_one_log(self) -> bool:
        """Whether `note_one_log` was called."""
        with naming_the_store(self.root):
            return bool(self.files.get_file_info(f"{self.root}/{ONE_LOG}").is_file)

    def days(self, kind: Kind) -> list[Day]:
        return [self._day(kind, day) for day in self.day_names(kind)]

    def read(self, kind: Kind, from_ms: int | None = None, to_ms: int | None = None, columns: Sequence[str] = ()) -> Iterator[pa.Table]:
        first, last = ("" if from_ms is None else day_of(from_ms)), ("~" if to_ms is None else day_of(to_ms - 1))
        span = -EVER_MS if from_ms is None else from_ms, EVER_MS if to_ms is None else to_ms
        chosen = list(columns) or schema_of(kind).names
        for day in self.day_names(kind):
            if first <= day <= last:
                for table in self._rows(kind, day, *span, chosen):
                    yield table.select(chosen).replace_schema_metadata(schema_of(kind).metadata)

    def day_names(self, kind: Kind) -> list[str]:
        """Returns the days that have a folder, the oldest first."""
        names = [each.base_name for each in self._list(f"{self.root}/{kind}") if each.type == pyarrow.fs.FileType.Directory]
        return sorted(name.removeprefix("day=") for name in names if name.startswith("day="))

    def counting(self, kind: Kind, day: str) -> list[Footer]:
        """Returns the files of a day except those that a merged file replaces."""
        return self._footers(kind, day)[0]

    def replaced(self, kind: Kind, day: str) -> list[Footer]:
        """Returns the files of a day whose rows a merged file holds."""
        return self._footers(kind, day)[1]

    def rows_of(self, kind: Kind, files: Sequence[Footer], from_ms: int, to_ms: int, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yields the rows of `files` as `Archive.read` does, with the columns that define the order beside `columns`.

        Raises:
            FileNotFoundError: a file has been deleted.
        """
        needed = list(dict.fromkeys([*columns, *needed_columns(kind)]))
        read = functools.partial(self._read_part, kind, {footer.path: footer for footer in files}, needed)
        parts = [part for footer in files for part in parts_of(footer, kind)]
        yield from merged(kind, [part for part in parts if part.last_ms >= from_ms and part.first_ms < to_ms], read, from_ms, to_ms)

    def _rows(self, kind: Kind, day: str, from_ms: int, to_ms: int, columns: list[str]) -> Iterator[pa.Table]:
        """Yields a day's rows. If a merged file is deleted meanwhile, lists again and continues after the rows already given."""
        for listing in range(1, LISTINGS_MAX + 1):
            try:
                for table in self.rows_of(kind, self.counting(kind, day), from_ms, to_ms, columns):
                    if len(table):
                        yield table
                        from_ms = int(times_ms(table, time_column(kind))[-1]) + 1
            except FileNotFoundError as error:
                if listing == LISTINGS_MAX:
                    raise StoreUnavailableError(f"archive {self.root}: files of {day} are deleted while they are read: {error}") from error
            else:
                return

    def _read_part(self, kind: Kind, footers: dict[str, Footer], columns: list[str], part: Part) -> pa.Table:
        with naming_the_store(self.root), self.files.open_input_file(part.path) as file:
            reader = pyarrow.parquet.ParquetFile(file, metadata=footers[part.path].metadata, pre_buffer=True)
            there = [name for name in columns if name in reader.schema_arrow.names]
            return completed(reader.read_row_group(part.group, columns=there, use_threads=False), kind, columns)

    def _footers(self, kind: Kind, day: str) -> tuple[list[Footer], list[Footer]]:
        folder = f"{self.root}/{folder_of(kind, day)}"
        for listing in range(1, LISTINGS_MAX + 1):
            found = sorted((each.path, each.size) for each in self._list(folder) if each.is_file and each.base_name[0] not in "._")
            try:
                with naming_the_store(self.root), ThreadPoolExecutor(FOOTERS_AT_ONCE) as pool:
                    footers = list(pool.map(lambda each: read_footer(self.files, kind, *each), found))
                break
            except FileNotFoundError as error:  # it was merged and deleted after the listing
                if listing == LISTINGS_MAX:
                    raise StoreUnavailableError(f"archive {self.root}: files of {day} go away while they are listed: {error}") from error
        gone = {name for each in footers for name in each.replaces}
        return [each for each in footers if each.name not in gone], [each for each in footers if each.name in gone]

    def _day(self, kind: Kind, day: str) -> Day:
        files = self.counting(kind, day)
        return Day(kind, day, len(files), sum(each.bytes for each in files), sum(each.metadata.num_rows for each in files))

    def _list(self, folder: str) -> list[pyarrow.fs.FileInfo]:
        with naming_the_store(self.root):
            found: list[pyarrow.fs.FileInfo] = self.files.get_file_info(pyarrow.fs.FileSelector(folder, allow_not_found=True))
        return found


@contextlib.contextmanager
def naming_the_store(root: str) -> Iterator[None]:
    """Turns errors of the file system into the store's own error, except for a missing file.

    Raises:
        FileNotFoundError: a file is missing; passed on unchanged.
        StoreUnavailableError: anything else that the file system raises.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise StoreUnavailableError(f"archive {root}: {error or type(error).__name__}") from error
