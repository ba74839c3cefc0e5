"""What the control and models topics have said so far, as one stage knows it."""

import logging
from collections.abc import Callable
from typing import Annotated

import msgspec

from detectors.snapshot import Snapshot
from features.layout import LONG_AGO
from features.refusal import Refusal
from pipeline.kept_texts import RELEASES_KEPT, KeptTexts
from pipeline.release import RELEASE_MAX, Release, compile_release, with_beginnings

log = logging.getLogger(__name__)


class ReleaseRecord(msgspec.Struct):
    """A record ``release:<id>`` of the control topic: the hashes of its parts, and when it was made."""

    id: Annotated[int, msgspec.Meta(ge=1, le=RELEASE_MAX)]
    parts: dict[str, str]
    at_ms: int = 0


def key_text(key: bytes | None) -> str:
    """A record's key as Java reads it too: what is not UTF-8 becomes U+FFFD, and no key is an empty one."""
    return (key or b"").decode(errors="replace")


class Definitions:
    """Definitions by hash, the last few releases compiled, and the newest snapshot of each model.

    A release that does not compile is not put in force; the one before stays.
    """

    def __init__(self) -> None:
        self.releases: dict[int, Release] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self._texts = KeptTexts()
        self._began_ms: dict[str, int] = {}
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
                self._texts.take(key[4:], value.decode())
            elif key.startswith("release:"):
                self._compile(key, msgspec.json.decode(value, type=ReleaseRecord))
            else:
                return
        except Exception as error:  # whatever is written there: the stream goes on with what is in force
            log.error("%s record %s is not in force: %s", "models" if topic == "m" else "control", key, error)
            return
        for action in self._on_change:
            action()

    def _compile(self, key: str, record: ReleaseRecord) -> None:
        if int(key.removeprefix("release:")) != record.id:  # Java goes by the key, and would wait for ever for the other
            raise Refusal("another number", where=key, expected="the number of the key", got=record.id)
        if record.id in self.releases:
            return
        texts = self._texts.named(record.parts)
        release = compile_release(record.id, texts)
        now_ms = record.at_ms if self.releases else LONG_AGO
        self._began_ms = {kind: self._began_ms.get(kind, now_ms) for kind in release.features.kinds}
        self.releases[record.id] = with_beginnings(release, self._began_ms)
        self._texts.released(record.parts.values())
        for old in sorted(self.releases)[:-RELEASES_KEPT]:
            del self.releases[old]
