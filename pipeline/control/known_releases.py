"""The definitions and releases of the control topic are kept here, and a release is compiled when it is first asked for.

Known is the newest record of each key. Which release is in force follows from these records alone and not from their order: after
a restore, and on a compacted topic, a definition may come after a release that names it.
"""

import contextlib
import functools
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec

from features.layout.layout import LONG_AGO
from foundation.content_hash import content_hash
from foundation.refusal import Refusal
from pipeline.control.compiling import Compiling, begun, compiling
from pipeline.engine.definitions.release import RELEASE_MAX, Release, compile_release, features_of, with_beginnings
from pipeline.wire.declaration import RELEASE_KEY

log = logging.getLogger(__name__)

DEFINITION = "def:"
COMPILED_KEPT = 16
"""The number of compiled releases that are kept; another one is compiled again when an event names it."""

TEXTS_SHARED = 1_024
"""Stages of one process take in the same definitions soon after each other: so many are known to be what they say."""


class ReleaseRecord(msgspec.Struct, omit_defaults=True, frozen=True):
    """A record ``release:<id>`` of the control topic.

    Args:
        id: of the release; the first one is 1.
        parts: SHA-256 of each part's text, by the part's name.
        at_ms: when the release was made, in ms since the epoch.
        began_ms: for each entity type, the `at_ms` of the first of the unbroken row of releases that have it. Records of older versions
            lack it; it is then found from the known releases.
    """

    id: Annotated[int, msgspec.Meta(ge=1, le=RELEASE_MAX)]
    parts: dict[str, str]
    at_ms: int = 0
    began_ms: dict[str, int] = {}


def not_in_force(id: int, reason: str) -> str:
    """Says that release `id` does not compile now; an earlier version of Weir, with other rules, has accepted it."""
    return (
        f"release {id} is not in force: it does not compile with this version of Weir; the newest one that compiles is in force instead; "
        f"push a corrected configuration (`weir check DIR` says what is wrong in it): {reason}"
    )


def release_key(id: int) -> str:
    """Gives the key of the record of release `id`; keys sort as the ids do."""
    return f"{RELEASE_KEY}{id:010d}"


class KnownReleases:
    """Holds definitions by hash and releases by id, each for as long as the control topic holds it.

    Attributes:
        shared: whether releases are compiled for all of the process, in a thread beside it; see `pipeline.control.compiling`.
        deferring: whether the release in force stays so until a newer one is compiled, which takes a moment then. It needs `shared`. Who
            reads the topic for the first time must not: then the newest release counts from the first event on.
    """

    def __init__(self) -> None:
        self.shared = False
        self.deferring = False
        self._begun: dict[int, Compiling] = {}
        self._texts: dict[str, str] = {}
        self._records: dict[int, ReleaseRecord] = {}
        self._compiled: OrderedDict[int, Release] = OrderedDict()
        self._newest: Release | None = None
        self._newest_known = True
        self._refused: dict[int, str] = {}
        self._said: dict[int, str] = {}
        self._kinds: dict[tuple[str, str], tuple[str, ...]] = {}

    def take(self, key: str, value: bytes | None) -> bool:
        """Takes in one record; the value None deletes the key's record. Returns False if the key names neither definition nor release.

        Raises:
            Refusal, ValueError: the value does not fit its key; the record before stays.
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
        """The record of release `id`; None if it is not known."""
        return self._records.get(id)

    def text(self, hash: str) -> str | None:
        """The text of the definition with this hash; None if it is not known."""
        return self._texts.get(hash)

    def texts(self, parts: Mapping[str, str]) -> dict[str, str]:
        """The texts of the definitions whose hashes `parts` names, by part.

        Raises:
            Refusal: one of the definitions is not known.
        """
        self._require_texts(parts)
        return _texts_of(self._texts, parts)

    def _require_texts(self, parts: Mapping[str, str]) -> None:
        if all(map(self._texts.__contains__, parts.values())):
            return
        for part, hash in parts.items():
            if hash not in self._texts:
                raise Refusal("definition not there", where=part, expected=f"{DEFINITION}{hash} on the control topic", got="no such record")

    @property
    def newest(self) -> Release | None:
        """The release in force, which is the one with the greatest id of those that compile. It is found anew only after a change.

        A release whose record was deleted stays in force until another one compiles.
        """
        if not self._newest_known and not (self.deferring and self._newest is not None and self._is_compiling(self.ids())):
            found = (self.get(id) for id in reversed(self.ids()))
            self._newest = next((each for each in found if each is not None), self._newest)
            self._newest_known = True
        return self._newest

    def _is_compiling(self, ids: Sequence[int]) -> bool:
        """Tells whether the last of `ids` is being compiled beside the stream, which begins now if it has not; if so, it is waited for."""
        id = ids[-1] if ids else 0
        if not id or id in self._compiled or id in self._refused:
            return False
        try:
            return not self._begin(id).done()
        except Refusal:  # a definition has not come yet: `get` says so
            return False

    def _begin(self, id: int) -> Compiling:
        found = self._begun.get(id)
        if found is None:
            found = self._begun[id] = begun(id, self._records[id].parts) or self._begin_first(id)
        return found

    def _begin_first(self, id: int) -> Compiling:
        parts = self._records[id].parts
        self._require_texts(parts)
        return compiling(id, parts, functools.partial(_texts_of, dict(self._texts), parts))

    def _compile(self, id: int) -> Release:
        return self._begin(id).result(hurry=True) if self.shared else compile_release(id, self.texts(self._records[id].parts))

    def passed_over(self) -> dict[int, str]:
        """Says by id why releases newer than the one in force do not compile; leaves out those whose definitions have not all come."""
        newest = self.newest.id if self.newest is not None else 0
        whole = {id for id in self._refused if id > newest and self._texts.keys() >= set(self._records[id].parts.values())}
        return {id: self._refused[id] for id in sorted(whole)}

    def get(self, id: int) -> Release | None:
        """Returns release `id`, compiled now if it was not yet; None if it is not known or does not compile, which is logged once.

        Raises:
            MemoryError: the process is short of memory, which says nothing about the release.
        """
        release = self._compiled.get(id)
        if release is not None:
            self._compiled.move_to_end(id)
            return release
        if id not in self._records or id in self._refused:
            return None
        try:
            record = self._records[id]
            release = with_beginnings(self._compile(id), self.beginnings(record))
        except MemoryError:
            raise
        except Exception as error:  # any text may fail in its own way, and the stream must go on with another release
            self._refuse(id, error)
            return None
        self._begun.pop(id, None)
        self._compiled[id] = release
        while len(self._compiled) > COMPILED_KEPT:
            self._compiled.popitem(last=False)
        return release

    def nearest(self, id: int) -> Release | None:
        """Release `id`, or if it does not compile the next greater id that does, else the next smaller one, else the one in force."""
        release = self.get(id)
        if release is not None:
            return release
        ids = self.ids()
        behind, before = (each for each in ids if each > id), (each for each in reversed(ids) if each < id)
        found = (self.get(each) for some in (behind, before) for each in some)
        return next((each for each in found if each is not None), self.newest)

    def beginnings(self, record: ReleaseRecord) -> dict[str, int]:
        """For each entity type of the release `record`, the time since which every release has had it, in ms since the epoch.

        Raises:
            Refusal: one of the release's definitions is not known, or its schema or features do not compile.
        """
        row = [record]
        for id in reversed(self.ids()):
            if row[-1].began_ms:
                break
            if id < record.id:
                row.append(self._records[id])
        began: dict[str, int] | None = None
        for each in reversed(row):
            with contextlib.nullcontext() if each is record else contextlib.suppress(Refusal):  # it was never in force
                began = each.began_ms or self._next_beginnings(each, began)
        return began or {}

    def _next_beginnings(self, record: ReleaseRecord, before: dict[str, int] | None) -> dict[str, int]:
        now_ms = LONG_AGO if before is None else record.at_ms
        return {kind: (before or {}).get(kind, now_ms) for kind in self._kinds_of(record)}

    def _take_text(self, hash: str, value: bytes | None) -> None:
        if value is None:
            self._texts.pop(hash, None)
            return
        self._texts[hash] = _read_text(hash, value)

    def _take_record(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._drop(int(key.removeprefix(RELEASE_KEY)))
            return
        record = _read_record(value)
        if int(key.removeprefix(RELEASE_KEY)) != record.id:  # Java reads the id from the key, and would wait for the other id for ever
            raise Refusal("wrong id of a release", where=key, expected="the id that the key names", got=record.id)
        if self._records.get(record.id) != record:
            self._drop(record.id)
        self._records[record.id] = record

    def _drop(self, id: int) -> None:
        self._records.pop(id, None)
        self._compiled.pop(id, None)
        self._begun.pop(id, None)
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


@functools.lru_cache(maxsize=TEXTS_SHARED)
def _read_text(hash: str, value: bytes) -> str:
    """Decodes and checks a definition once for all stages of the process, which then hold one text."""
    text = value.decode()
    if content_hash(text) != hash:
        expected, got = "a text with the SHA-256 that the key names", f"a text with the SHA-256 {content_hash(text)}"
        raise Refusal("wrong text of a definition", where=f"{DEFINITION}{hash}", expected=expected, got=got)
    return text


@functools.lru_cache(maxsize=COMPILED_KEPT)
def _read_record(value: bytes) -> ReleaseRecord:
    """Decodes a record once for all stages of the process: one that names 10,000 rules is a megabyte."""
    return msgspec.json.decode(value, type=ReleaseRecord)


def _texts_of(texts: Mapping[str, str], parts: Mapping[str, str]) -> dict[str, str]:
    return {part: texts[hash] for part, hash in parts.items()}
