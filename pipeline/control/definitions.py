"""The definitions, releases and snapshots that one stage has read so far from the control and models topics."""

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from pipeline.control.known_releases import KnownReleases
from pipeline.engine.definitions.release import Release
from pipeline.wire.declaration import ANY_SNAPSHOTS, Topic

log = logging.getLogger(__name__)

ControlRecord = tuple[str, str, bytes | None] | tuple[str, str, bytes | None, int]
"""Topic (a letter of `Topic`), key and value; the value None deletes the record of the key. With records of the topic `models` comes their
position, which is one past their offset."""


def key_text(key: bytes | None) -> str:
    """Decodes a record's key as Java does: bytes that are not UTF-8 become U+FFFD, and no key becomes an empty text."""
    return (key or b"").decode(errors="replace")


class TakesSnapshots(Protocol):
    """Takes in the records of the topic `models`."""

    def take(self, key: str, value: bytes | None, position: int, /) -> bool:
        """Returns whether the record, which stands before `position`, changed what is in force.

        Raises:
            ValueError: it cannot be used; what was known stays.
        """
        ...


class Definitions:
    """Holds the known releases, and for who needs them the snapshots.

    Args:
        snapshots: takes in the records of the topic `models`; with None they are passed over.

    Attributes:
        may_defer: whether a newer release is compiled beside the stream once that has begun, see `KnownReleases`.
    """

    def __init__(self, snapshots: TakesSnapshots | None = None) -> None:
        self.releases = KnownReleases()
        self._snapshots = snapshots
        self._on_change: list[Callable[[], None]] = []
        self.may_defer = False

    def compile_beside(self, defer: bool) -> None:
        """Has releases compiled once for all stages of this process.

        Args:
            defer: compile them beside the stream once events come, and let the one before be in force meanwhile.
        """
        self.releases.shared = True
        self.may_defer = defer

    def begun(self) -> None:
        """Says that events are being decided: what comes now on the control topic was not there at the start."""
        self.releases.deferring = self.may_defer

    def watch(self, action: Callable[[], None]) -> None:
        """Calls `action` after each batch of records that changed something."""
        self._on_change.append(action)

    @property
    def newest(self) -> Release | None:
        """The release in force for events that come now; None if there is none yet."""
        return self.releases.newest

    def take(self, records: Iterable[ControlRecord]) -> None:
        """Takes in a batch of records, then compiles the release that is in force now, so that the next event does not wait for that.

        A record that cannot be read is logged and skipped; what was known before stays.

        Raises:
            MemoryError: the process is short of memory, which says nothing about the records.
        """
        changed = [self._take(*record) for record in records]
        if any(changed):
            self.releases.newest  # noqa: B018 - compiles it
            for action in self._on_change:
                action()

    def _take(self, topic: str, key: str, value: bytes | None, position: int = ANY_SNAPSHOTS) -> bool:
        try:
            if topic != Topic.MODEL:
                return self.releases.take(key, value)
            return self._snapshots is not None and self._snapshots.take(key, value, position)
        except MemoryError:
            raise
        except Exception as error:  # anybody may have written anything there, and the stream must go on
            log.error("record %s of the %s topic is skipped: %s", key, "models" if topic == Topic.MODEL else "control", error)
            return False
