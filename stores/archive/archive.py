"""Opens the archive: records of topics by day, in local files, on HDFS or in S3-compatible storage."""

import urllib.parse
from collections.abc import Iterator, Sequence
from typing import Protocol

import pyarrow as pa
import pyarrow.fs

from foundation.refusal import Refusal
from stores.archive.archive_files import FileArchive
from stores.archive.archive_rows import Day, Kind
from stores.archive.archive_s3 import s3_files

TIMEOUT_SECONDS = 10.0
_FORMS = "file:///…, hdfs://host:port/… or s3://bucket/…"


class Archive(Protocol):
    """Reads archived records by kind and day. Any number of processes may read and write; only one at a time should compact.

    Raises:
        StoreUnavailableError: any call; the file system does not answer in time.
        Refusal: a file does not belong to this archive.
    """

    def days(self, kind: Kind) -> list[Day]:
        """Returns the days that have records, the oldest first."""

    def read(self, kind: Kind, from_ms: int | None = None, to_ms: int | None = None, columns: Sequence[str] = ()) -> Iterator[pa.Table]:
        """Yields rows with times in [from_ms, to_ms), sorted by (time, partition, offset), as tables of some 65,536 rows.

        The time of a row is that of `archive_rows.time_column`. A record that was written twice is given once. Of several decisions with
        the same user, event id, revision and event time only the first is given. Memory holds the files that overlap in time, not a whole
        day.

        Args:
            columns: names of columns of `archive_rows.schema_of`; all columns if empty.
        """


def open_archive(url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> FileArchive:
    """Opens the archive at `url`, which may be empty. No server is asked before the first call.

    The usual environment variables give the credentials for S3 (``AWS_ACCESS_KEY_ID``) and the address of storage other than Amazon's
    (``AWS_ENDPOINT_URL``).

    Args:
        url: ``file:///folder``, ``hdfs://host:port/folder`` or ``s3://bucket/folder``.
        timeout_seconds: the limit for one call to a server.

    Raises:
        Refusal: `url` is none of these.
    """
    read = urllib.parse.urlsplit(url)
    if read.scheme == "file" and read.path:
        return FileArchive(pyarrow.fs.LocalFileSystem(), urllib.parse.unquote(read.path))
    if read.scheme == "hdfs" and read.hostname and read.path.strip("/"):
        from stores.archive.archive_hdfs import HdfsHandler

        files = pyarrow.fs.PyFileSystem(HdfsHandler(f"hdfs://{read.netloc}", timeout_seconds))
        return FileArchive(files, "/" + read.path.strip("/"))
    if read.scheme == "s3" and read.netloc:
        return FileArchive(s3_files(timeout_seconds), f"{read.netloc}/{read.path.strip('/')}")
    raise Refusal("bad archive", where="WEIR_ARCHIVE_URL", expected=_FORMS, got=url)
