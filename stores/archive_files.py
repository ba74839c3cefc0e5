"""The archive over an Arrow file system: one implementation for local files, HDFS and S3."""

import contextlib
import functools
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq

from stores.archive import ArchivedDay
from stores.archive_encoding import DAY_MS, ROWS_A_GROUP, Kind, day_start_ms, folder_of, schema_of, time_column
from stores.archive_footers import REPLACES, Footer, is_complete, parts_of, read_footer
from stores.archive_merging import Part, merged, needed_columns, times_ms
from stores.decisions import StoreUnavailableError

FOOTERS_AT_ONCE = 8
LISTINGS_MAX = 5
STALE_MS = DAY_MS


class FileArchive:
    """An archive below a folder of a file system.

    Args:
        files: the file system; its calls end in bounded time, with `OSError` when it does not answer.
        root: the folder.
        where: the archive in messages, such as its URL.
        clock_ms: now, in ms.
    """

    def __init__(
        self, files: pyarrow.fs.FileSystem, root: str, where: str, clock_ms: Callable[[], float] = lambda: time.time() * 1_000
    ) -> None:
        self._files = files
        self._root = root
        self._where = where
        self._clock_ms = clock_ms

    def read(self, kind: Kind, from_ms: int, to_ms: int, columns: Sequence[str] = ()) -> Iterator[pa.Table]:
        """See `Archive.read`."""
        chosen = list(columns) or schema_of(kind).names
        for day in self._days(kind):
            start_ms = day_start_ms(day)
            if start_ms < to_ms and start_ms + DAY_MS > from_ms:
                for table in self._day(kind, day, (from_ms, to_ms), chosen):
                    yield table.select(chosen)

    def days(self, kind: Kind) -> list[ArchivedDay]:
        """See `Archive.days`."""
        found = []
        for day in self._days(kind):
            live, _ = self._footers(folder_of(kind, day))
            counts = (len(live), sum(footer.metadata.num_rows for footer in live), sum(footer.bytes for footer in live))
            found.append(ArchivedDay(kind, day, *counts))
        return found

    def put(self, kind: Kind, day: str, image: bytes) -> None:
        """See `Archive.put`."""
        with self._reachable():
            folder = self._path(folder_of(kind, day))
            self._files.create_dir(folder, recursive=True)
            name = uuid.uuid4().hex
            with self._files.open_output_stream(f"{folder}/.{name}") as file:
                file.write(image)
            self._files.move(f"{folder}/.{name}", f"{folder}/part-{name}.parquet")

    def compact(self, kind: Kind, day: str) -> bool:
        """See `Archive.compact`."""
        folder = folder_of(kind, day)
        live, replaced = self._footers(folder)
        self._delete_stale(folder)
        if len(live) < 2:
            self._delete(replaced)
            return bool(replaced)
        names = [footer.name for footer in (*live, *replaced)]
        hidden = self._path(f"{folder}/.merging-{int(self._clock_ms())}-{uuid.uuid4().hex}")
        try:
            self._write_merged(kind, hidden, live, names)
            with self._reachable():
                self._files.move(hidden, self._path(f"{folder}/part-merged-{uuid.uuid4().hex}.parquet"))
        except BaseException:
            with contextlib.suppress(OSError):
                self._files.delete_file(hidden)
            raise
        self._delete([*live, *replaced])
        return True

    def _write_merged(self, kind: Kind, path: str, live: list[Footer], replaces: list[str]) -> None:
        schema = schema_of(kind)
        schema = schema.with_metadata({**schema.metadata, REPLACES: msgspec.json.encode(replaces)})
        parts = [part for footer in live for part in parts_of(footer, kind)]
        read = functools.partial(self._read_part, {footer.path: footer for footer in live}, schema.names)
        with self._reachable(), self._files.open_output_stream(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for table in merged(kind, parts, read, (-(1 << 62), 1 << 62)):
                writer.write_table(table.replace_schema_metadata(schema.metadata), row_group_size=ROWS_A_GROUP)

    def _day(self, kind: Kind, day: str, span_ms: tuple[int, int], columns: list[str]) -> Iterator[pa.Table]:
        """A day's rows. When a file goes away because it has been merged, reading goes on behind the rows that are out already."""
        needed = list(dict.fromkeys([*columns, *needed_columns(kind)]))
        done_ms = span_ms[0]
        for listing in range(1, LISTINGS_MAX + 1):
            try:
                live, _ = self._footers(folder_of(kind, day))
                read = functools.partial(self._read_part, {footer.path: footer for footer in live}, needed)
                parts = [part for footer in live for part in parts_of(footer, kind)]
                parts = [part for part in parts if part.last_ms >= done_ms and part.first_ms < span_ms[1]]
                for table in merged(kind, parts, read, (done_ms, span_ms[1])):
                    yield table
                    done_ms = int(times_ms(table, time_column(kind))[-1]) + 1
            except FileNotFoundError as error:
                if listing == LISTINGS_MAX:
                    raise StoreUnavailableError(f"{self._where}: files of {day} go away while they are read: {error}") from error
            else:
                return

    def _read_part(self, footers: dict[str, Footer], columns: list[str], part: Part) -> pa.Table:
        with self._reachable(), self._files.open_input_file(part.path) as file:
            reader = pq.ParquetFile(file, metadata=footers[part.path].metadata, pre_buffer=True)
            return reader.read_row_group(part.group, columns=columns, use_threads=False)

    def _footers(self, folder: str) -> tuple[list[Footer], list[Footer]]:
        """Of the complete files: those to be read, and those that one of them replaces."""
        found = [info for info in self._list(folder) if info.type == pyarrow.fs.FileType.File and is_complete(info.base_name)]
        with self._reachable(), ThreadPoolExecutor(FOOTERS_AT_ONCE) as pool:
            footers = list(pool.map(functools.partial(read_footer, self._files), found))
        replaced = {name for footer in footers for name in footer.replaces}
        return [each for each in footers if each.name not in replaced], [each for each in footers if each.name in replaced]

    def _days(self, kind: Kind) -> list[str]:
        names = [info.base_name for info in self._list(kind) if info.type == pyarrow.fs.FileType.Directory]
        return sorted(name.removeprefix("day=") for name in names if name.startswith("day="))

    def _list(self, folder: str) -> list[pyarrow.fs.FileInfo]:
        with self._reachable():
            found: list[pyarrow.fs.FileInfo] = self._files.get_file_info(pyarrow.fs.FileSelector(self._path(folder), allow_not_found=True))
        return found

    def _delete(self, footers: Sequence[Footer]) -> None:
        for footer in footers:
            with self._reachable(), contextlib.suppress(FileNotFoundError):
                self._files.delete_file(footer.path)

    def _delete_stale(self, folder: str) -> None:
        """What a killed compaction left, a day later."""
        for info in self._list(folder):
            _, _, rest = info.base_name.partition(".merging-")
            began_ms = rest.partition("-")[0]
            if began_ms.isdecimal() and int(began_ms) < self._clock_ms() - STALE_MS:
                with self._reachable(), contextlib.suppress(FileNotFoundError):
                    self._files.delete_file(info.path)

    def _path(self, below: str) -> str:
        return f"{self._root}/{below}"

    @contextlib.contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreUnavailableError(f"{self._where}: {error or type(error).__name__}") from error
