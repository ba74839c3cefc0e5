"""Commands open and read here the archive that the settings name; an archive that does not answer becomes a `Refusal`."""

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
"""This file below the system's folder holds the only user name that the HDFS of `weir up` lets in."""


def archive_of(settings: Settings, timeout_seconds: float = TIMEOUT_SECONDS) -> FileArchive:
    """Opens the archive that the settings name, with `open_archive`.

    An HDFS client takes its user name only from the environment of its process, so this function sets it there for the HDFS of `weir up`.

    Args:
        timeout_seconds: the longest that one request to the archive may take.

    Raises:
        Refusal: the settings name no archive.
    """
    file = settings.path(*HDFS_USER_FILE)
    if settings.archive_url.startswith(f"hdfs://127.0.0.1:{settings.hdfs_port}/") and file.exists():
        os.environ["HADOOP_USER_NAME"] = file.read_text().strip()
    return open_archive(settings.archive_place(), timeout_seconds)


@contextlib.contextmanager
def reaching(settings: Settings) -> Iterator[None]:
    """Turns a `StoreUnavailableError` that is raised inside the `with` block into a `Refusal` for the user of a command.

    Raises:
        Refusal: the archive does not answer, or not in time.
    """
    try:
        yield
    except StoreUnavailableError as error:
        remedy = "check that its servers run and that WEIR_ARCHIVE_URL names the right archive; no archived record is lost meanwhile"
        where = settings.archive_place()
        raise Refusal(
            "no answer from the archive", where=where, expected="an archive that answers", got=str(error), remedy=remedy
        ) from error


def read_archive(
    settings: Settings, kind: Kind, from_ms: int | None = None, to_ms: int | None = None, columns: Sequence[str] = ()
) -> Iterator[pa.Table]:
    """Reads the archive that the settings name, with `Archive.read`.

    Raises:
        Refusal: the archive does not answer, or it holds a file that Weir did not write.
    """
    with reaching(settings):
        yield from archive_of(settings).read(kind, from_ms, to_ms, columns)
