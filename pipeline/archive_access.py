"""The archive that the settings name, as commands ask it: one that does not answer is refused."""

import contextlib
from collections.abc import Iterator, Sequence

import pyarrow as pa

from features.refusal import Refusal
from pipeline.settings import Settings
from stores.archive import open_archive
from stores.archive_rows import Kind
from stores.decisions import StoreUnavailableError


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
        yield from open_archive(settings.archive_place()).read(kind, from_ms, to_ms, columns)
