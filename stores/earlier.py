"""What versions before the relational store kept elsewhere: each store of theirs gives it in this form, to be carried over."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from stores.audit import Entry
from stores.registry import StoredDefinition, StoredRelease
from stores.tokens import StoredToken


class EarlierRelease(msgspec.Struct, frozen=True):
    """A release, and whether it was known to be on the control topic."""

    release: StoredRelease
    published: bool


class Earlier(Protocol):
    """One store of an earlier version. It is only read.

    Raises:
        StoreUnavailableError: any call: it does not answer.
    """

    def texts(self) -> Iterable[tuple[str, bytes]]:
        """Hash and text of each definition, one after the other."""

    def definitions(self) -> list[StoredDefinition]:
        """What was put as which part, by whom and when."""

    def releases(self) -> list[EarlierRelease]:
        """All releases."""

    def tokens(self) -> list[StoredToken]:
        """All tokens, also those that count no more."""

    def entries(self) -> Iterable[Entry]:
        """The audit log, the oldest entry first."""
