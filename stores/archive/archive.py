"""The archive read: events, decisions and labels of some days, from files on this machine, on HDFS or in S3-compatible storage."""

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
    """History by kind and day. Any number may read and write; one at a time should compact.

    Raises:
        StoreUnavailableError: any call, when the file system does not answer in time.
        Refusal: a file is none of this archive's.
    """

    def days(self, kind: Kind) -> list[Day]:
        """What there is, oldest first."""

    def read(self, kind: Kind, from_ms: int | None = None, to_ms: int | None = None, columns: Sequence[str] = ()) -> Iterator[pa.Table]:
        """Rows with times in [from_ms, to_ms), in the order of (time, partition, offset), as tables of some 65,536 rows.

        Times are those of `archive_rows.time_column`. A record that was written twice is there once. Of decisions with the same user,
        event id, revision and event time the first is there. Memory holds what files overlap in time, not a day.

        Args:
            columns: of `archive_rows.schema_of`; all when empty.
        """


def open_archive(url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> FileArchive:
    """The archive at `url`; an empty one where nothing is yet. Nothing is asked of a server before the first call.

    Credentials of S3 come from where its clients look for them (``AWS_ACCESS_KEY_ID``), and so does the address of another
    storage than Amazon's (``AWS_ENDPOINT_URL``).

    Args:
        url: ``file:///folder``, ``hdfs://host:port/folder`` or ``s3://bucket/folder``.
        timeout_seconds: for one call to a server.

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
