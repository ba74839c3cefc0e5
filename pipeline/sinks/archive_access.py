"""The archive that the settings name, as commands ask it: one that does not answer is refused."""

import contextlib
import os
from collections.abc import Iterator, Sequence

import pyarrow as pa

from foundation.refusal import Refusal
from foundation.settings import Settings
from stores.archive.archive import TIMEOUT_SECONDS, open_archive
from stores.archive.archive_files import FileArchive
from stores.archive.archive_rows import Kind
from stores.decisions import StoreUnavailableError

HDFS_USER_FILE = ("secrets", "hdfs")
"""Below the system's folder: the name under which the HDFS of `weir up` knows its owner, and nobody else."""


def archive_of(settings: Settings, timeout_seconds: float = TIMEOUT_SECONDS) -> FileArchive:
    """`open_archive` of the archive that the settings name.

    HDFS is told a user's name by the environment of the process alone, so for the HDFS of `weir up` this function sets it there.

    Raises:
        Refusal: the settings name no archive.
    """
    file = settings.path(*HDFS_USER_FILE)
    if settings.archive_url.startswith(f"hdfs://127.0.0.1:{settings.hdfs_port}/") and file.exists():
        os.environ["HADOOP_USER_NAME"] = file.read_text().strip()
    return open_archive(settings.archive_place(), timeout_seconds)


@contextlib.contextmanager
def reaching(settings: Settings) -> Iterator[None]:
    """What asks the archive inside is refused when that does not answer.

    Raises:
        Refusal: it does not, or not in time.
    """
    try:
        yield
    except StoreUnavailableError as error:
        remedy = "WEIR_ARCHIVE_URL says where it is; what is there comes again with its servers"
        where = settings.archive_place()
        raise Refusal("no answer from the archive", where=where, expected="its files", got=str(error), remedy=remedy) from error


def read_archive(
    settings: Settings, kind: Kind, from_ms: int | None = None, to_ms: int | None = None, columns: Sequence[str] = ()
) -> Iterator[pa.Table]:
    """`Archive.read` of the archive that the settings name.

    Raises:
        Refusal: it does not answer, or holds a file that is none of its own.
    """
    with reaching(settings):
        yield from archive_of(settings).read(kind, from_ms, to_ms, columns)
