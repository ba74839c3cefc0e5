"""The archive that the settings name, for commands: what cannot be reached is a refusal."""

import contextlib
from collections.abc import Iterator, Sequence

import pyarrow as pa

from features.refusal import Refusal
from pipeline.settings import Settings
from stores.archive import Archive
from stores.archive_encoding import Kind
from stores.archive_place import open_archive
from stores.decisions import StoreUnavailableError


def archive_of(settings: Settings) -> Archive:
    """The archive, which may be empty.

    Raises:
        Refusal: the setting names none.
    """
    return open_archive(settings.archive_place())


@contextlib.contextmanager
def reached(settings: Settings) -> Iterator[None]:
    """What is read inside is refused when the archive does not answer.

    Raises:
        Refusal: it does not answer, or not in time.
    """
    try:
        yield
    except StoreUnavailableError as error:
        remedy = "WEIR_ARCHIVE_URL says where it is"
        raise Refusal(
            "no answer from the archive", where=settings.archive_place(), expected="its files", got=str(error), remedy=remedy
        ) from error


def read_archive(settings: Settings, kind: Kind, span_ms: tuple[int, int], columns: Sequence[str] = ()) -> Iterator[pa.Table]:
    """`Archive.read` of the archive that the settings name.

    Raises:
        Refusal: it does not answer, or holds a file that is not its own.
    """
    with reached(settings):
        yield from archive_of(settings).read(kind, *span_ms, columns)
