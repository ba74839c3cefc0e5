"""What the control and models topics have said so far, as one stage knows it."""

import logging
from collections.abc import Callable

import msgspec

from detectors.snapshot import Snapshot
from features.refusal import Refusal
from pipeline.release import Release, compile_release

log = logging.getLogger(__name__)

RELEASES_KEPT = 8


class ReleaseRecord(msgspec.Struct):
    """A record ``release:<id>`` of the control topic: the hashes of its parts."""

    id: int
    parts: dict[str, str]


class Definitions:
    """Definitions by hash, the last few releases compiled, and the newest snapshot of each model.

    A release that does not compile is not put in force; the one before stays.
    """

    def __init__(self) -> None:
        self.releases: dict[int, Release] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self._texts: dict[str, str] = {}
        self._on_change: list[Callable[[], None]] = []

    def watch(self, action: Callable[[], None]) -> None:
        """Calls `action` after each record that changed something."""
        self._on_change.append(action)

    @property
    def newest(self) -> Release | None:
        """The release in force for events that come now."""
        return self.releases[max(self.releases)] if self.releases else None

    def take(self, topic: str, key: str, value: bytes) -> None:
        """Takes in one record; `topic` is ``c`` for control and ``m`` for models."""
        try:
            if topic == "m":
                snapshot = Snapshot.decode(value)
                self.snapshots[snapshot.model] = snapshot
            elif key.startswith("def:"):
                self._texts[key[4:]] = value.decode()
            elif key.startswith("release:"):
                self._compile(msgspec.json.decode(value, type=ReleaseRecord))
            else:
                return
        except (Refusal, ValueError, KeyError) as error:
            log.error("%s record %s is not in force: %s", "models" if topic == "m" else "control", key, error)
            return
        for action in self._on_change:
            action()

    def _compile(self, record: ReleaseRecord) -> None:
        if record.id in self.releases:
            return
        texts = {part: self._texts[hash] for part, hash in record.parts.items()}
        self.releases[record.id] = compile_release(record.id, texts)
        for old in sorted(self.releases)[:-RELEASES_KEPT]:
            del self.releases[old]
