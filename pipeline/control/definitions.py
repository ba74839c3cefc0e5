"""What the control and models topics have said so far, as one stage knows it."""

import logging
from collections.abc import Callable, Iterable

from detectors.snapshot import Snapshot
from pipeline.control.known_releases import KnownReleases
from pipeline.engine.release import Release
from pipeline.wire.declaration import Topic

log = logging.getLogger(__name__)

ControlRecord = tuple[str, str, bytes | None]
"""Topic (a letter of `Topic`), key and value; None takes the record of the key away."""


def key_text(key: bytes | None) -> str:
    """A record's key as Java reads it too: what is not UTF-8 becomes U+FFFD, and no key is an empty one."""
    return (key or b"").decode(errors="replace")


class Definitions:
    """The releases that are known, and the newest snapshot of each model and definition, by `Snapshot.key`."""

    def __init__(self) -> None:
        self.releases = KnownReleases()
        self.snapshots: dict[str, Snapshot] = {}
        self._on_change: list[Callable[[], None]] = []

    def watch(self, action: Callable[[], None]) -> None:
        """Calls `action` after each batch of records that changed something."""
        self._on_change.append(action)

    @property
    def newest(self) -> Release | None:
        """The release in force for events that come now."""
        return self.releases.newest

    def take(self, records: Iterable[ControlRecord]) -> None:
        """Takes in a batch of records, then compiles the release that is in force now: the next event must not wait for that.

        A record that makes no sense is said in the log and passed over: the stream goes on with what was known before.
        """
        changed = [self._take(*record) for record in records]
        if any(changed):
            self.releases.newest  # noqa: B018 - compiles it
            for action in self._on_change:
                action()

    def _take(self, topic: str, key: str, value: bytes | None) -> bool:
        try:
            if topic != Topic.MODEL:
                return self.releases.take(key, value)
            if value is None:
                return self.snapshots.pop(key, None) is not None
            snapshot = Snapshot.decode(value)
            held = self.snapshots.get(snapshot.key)
            if held is not None and held.sequence > snapshot.sequence:
                return False
            self.snapshots[snapshot.key] = snapshot
        except Exception as error:  # whatever is written there: the stream goes on
            log.error("%s record %s is not taken in: %s", "models" if topic == Topic.MODEL else "control", key, error)
            return False
        return True
