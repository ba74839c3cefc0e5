"""The definitions and releases that the control topic holds, compiled when somebody asks for them.

What is known is the newest record of each key. Which release is in force follows from that alone, and not from the order in which the
records came: after a restore, and on a compacted topic, a definition may come behind a release that names it.
"""

import contextlib
import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Annotated

import msgspec

from features.layout.layout import LONG_AGO
from foundation.refusal import Refusal
from pipeline.engine.release import RELEASE_MAX, Release, compile_release, content_hash, features_of, with_beginnings
from pipeline.wire.declaration import RELEASE_KEY

log = logging.getLogger(__name__)

DEFINITION = "def:"
COMPILED_KEPT = 16
"""Releases that are held compiled; an older one is compiled again when an event carries it."""


class ReleaseRecord(msgspec.Struct, omit_defaults=True):
    """A record ``release:<id>`` of the control topic.

    Args:
        id: of the release.
        parts: hash of each part.
        at_ms: when it was made, in ms since the epoch.
        began_ms: for each kind of entity, the `at_ms` of the first of the releases in a row that have it. Records of older versions
            lack it; then it is counted from the releases that are known.
    """

    id: Annotated[int, msgspec.Meta(ge=1, le=RELEASE_MAX)]
    parts: dict[str, str]
    at_ms: int = 0
    began_ms: dict[str, int] = {}


def not_in_force(id: int, reason: str) -> str:
    """What is said of release `id` that does not compile, which was accepted once: by a version of this program with other rules."""
    return (
        f"release {id} is not in force: it does not compile with this version, by which the newest one that does decides instead; "
        f"push a corrected configuration, of which `weir check DIR` says where it is wrong: {reason}"
    )


def release_key(id: int) -> str:
    """The key of the record of release `id`; keys sort as their numbers do."""
    return f"{RELEASE_KEY}{id:010d}"


class KnownReleases:
    """Definitions by hash and releases by id, as the control topic holds them; nothing is dropped before the topic drops it."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._records: dict[int, ReleaseRecord] = {}
        self._compiled: OrderedDict[int, Release] = OrderedDict()
        self._newest: Release | None = None
        self._newest_known = True
        self._refused: dict[int, str] = {}
        self._said: dict[int, str] = {}
        self._kinds: dict[tuple[str, str], tuple[str, ...]] = {}

    def take(self, key: str, value: bytes | None) -> bool:
        """Takes in one record, or with None that the key has none any more; False where it is neither definition nor release.

        Raises:
            Refusal, ValueError: the record is not what its key says; the one before stays.
        """
        if key.startswith(DEFINITION):
            self._take_text(key.removeprefix(DEFINITION), value)
        elif key.startswith(RELEASE_KEY):
            self._take_record(key, value)
        else:
            return False
        self._refused.clear()
        self._newest_known = False
        return True

    def ids(self) -> list[int]:
        """The ids of all known releases, in order; some of them may not compile."""
        return sorted(self._records)

    def hashes(self) -> set[str]:
        """The hashes of all known definitions, also of those that no release names."""
        return set(self._texts)

    def record(self, id: int) -> ReleaseRecord | None:
        """The record of release `id`."""
        return self._records.get(id)

    def text(self, hash: str) -> str | None:
        """The definition of a hash."""
        return self._texts.get(hash)

    def texts(self, parts: Mapping[str, str]) -> dict[str, str]:
        """The definitions of the hashes `parts`, by part.

        Raises:
            Refusal: one is not known.
        """
        for part, hash in parts.items():
            if hash not in self._texts:
                raise Refusal("definition not there", where=part, expected=f"{DEFINITION}{hash} on the control topic", got="no such record")
        return {part: self._texts[hash] for part, hash in parts.items()}

    @property
    def newest(self) -> Release | None:
        """The release in force: of those that compile the one with the greatest id. Looked for once after each change.

        One that was taken away stays in force until another one compiles.
        """
        if not self._newest_known:
            found = (self.get(id) for id in reversed(self.ids()))
            self._newest = next((each for each in found if each is not None), self._newest)
            self._newest_known = True
        return self._newest

    def passed_over(self) -> dict[int, str]:
        """By id, why newer releases than the one in force do not compile; one whose definitions are yet to come is not among them."""
        newest = self.newest.id if self.newest is not None else 0
        whole = {id for id in self._refused if id > newest and self._texts.keys() >= set(self._records[id].parts.values())}
        return {id: self._refused[id] for id in sorted(whole)}

    def get(self, id: int) -> Release | None:
        """Release `id`, compiled now where it is not yet; None where it is not known or does not compile, which the log says once."""
        release = self._compiled.get(id)
        if release is not None:
            self._compiled.move_to_end(id)
            return release
        if id not in self._records or id in self._refused:
            return None
        try:
            record = self._records[id]
            release = with_beginnings(compile_release(id, self.texts(record.parts)), self.beginnings(record))
        except Exception as error:  # whatever is written there: the stream goes on by another release
            self._refuse(id, error)
            return None
        self._compiled[id] = release
        while len(self._compiled) > COMPILED_KEPT:
            self._compiled.popitem(last=False)
        return release

    def nearest(self, id: int) -> Release | None:
        """Release `id`; where it cannot be had, the first behind it that can, else the last before it, else the one in force."""
        release = self.get(id)
        if release is not None:
            return release
        ids = self.ids()
        behind, before = (each for each in ids if each > id), (each for each in reversed(ids) if each < id)
        found = (self.get(each) for some in (behind, before) for each in some)
        return next((each for each in found if each is not None), self.newest)

    def beginnings(self, record: ReleaseRecord) -> dict[str, int]:
        """For each kind of entity of the release `record`, since when all releases have had it, in ms since the epoch.

        Raises:
            Refusal: one of its definitions is not known, or its schema or features do not compile.
        """
        row = [record]
        for id in reversed(self.ids()):
            if row[-1].began_ms:
                break
            if id < record.id:
                row.append(self._records[id])
        began: dict[str, int] | None = None
        for each in reversed(row):
            with contextlib.nullcontext() if each is record else contextlib.suppress(Refusal):  # one that was never in force
                began = each.began_ms or self._next_beginnings(each, began)
        return began or {}

    def _next_beginnings(self, record: ReleaseRecord, before: dict[str, int] | None) -> dict[str, int]:
        now_ms = LONG_AGO if before is None else record.at_ms
        return {kind: (before or {}).get(kind, now_ms) for kind in self._kinds_of(record)}

    def _take_text(self, hash: str, value: bytes | None) -> None:
        if value is None:
            self._texts.pop(hash, None)
            return
        text = value.decode()
        if content_hash(text) != hash:
            raise Refusal("another text", where=f"{DEFINITION}{hash}", expected="a text of that SHA-256", got=content_hash(text))
        self._texts[hash] = text

    def _take_record(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._drop(int(key.removeprefix(RELEASE_KEY)))
            return
        record = msgspec.json.decode(value, type=ReleaseRecord)
        if int(key.removeprefix(RELEASE_KEY)) != record.id:  # Java goes by the key, and would wait for ever for the other
            raise Refusal("another number", where=key, expected="the number of the key", got=record.id)
        if self._records.get(record.id) != record:
            self._drop(record.id)
        self._records[record.id] = record

    def _drop(self, id: int) -> None:
        self._records.pop(id, None)
        self._compiled.pop(id, None)
        self._said.pop(id, None)

    def _refuse(self, id: int, error: Exception) -> None:
        self._refused[id] = reason = f"{type(error).__name__}: {error}"
        if self._said.get(id) != reason:
            self._said[id] = reason
            log.error("%s", not_in_force(id, reason))

    def _kinds_of(self, record: ReleaseRecord) -> tuple[str, ...]:
        parts = record.parts.get("schema", ""), record.parts.get("features", "")
        if parts not in self._kinds:
            texts = self.texts(record.parts)
            if len(self._kinds) > COMPILED_KEPT:
                self._kinds.clear()
            self._kinds[parts] = features_of(texts["features"], texts["schema"]).kinds
        return self._kinds[parts]
