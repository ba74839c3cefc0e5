"""Releases are written to the control topic here, each after its definitions; what no kept release needs is deleted from it."""

import asyncio
import logging
from collections.abc import Mapping

import msgspec

from api.definitions.in_force import InForce
from api.http.health import Health
from api.http.problem import Problem
from api.kafka.log import Log, LogUnavailableError
from foundation.refusal import Refusal
from pipeline.control.compiling import compiling
from pipeline.control.known_releases import DEFINITION, KnownReleases, ReleaseRecord, not_in_force, release_key
from pipeline.control.surplus import surplus
from stores.registry import Registry, StoredRelease

log = logging.getLogger(__name__)

AT_ONCE = 500
"""So many definitions are on their way to the broker at a time."""


class ControlTopic:
    """Knows what the control topic holds, and writes releases to it.

    Only the event loop's thread may use it; the registry is called in threads.

    Args:
        in_force: gets each release that is written here.
        health: says whether another release than the one in force decides events; while it does nothing is deleted.
        topic: the full name of the control topic.

    Attributes:
        known: the definitions and releases on the topic.
        id_seen: the greatest id of a release that was read from the topic or written to it; 0 before the first.
        passed_over: why releases of the registry are not published, by id.
    """

    def __init__(self, registry: Registry, in_force: InForce, health: Health, log: Log, topic: str) -> None:
        self.known = KnownReleases()
        self.known.shared = True
        self.id_seen = 0
        self.passed_over: dict[int, str] = {}
        self._registry = registry
        self._in_force = in_force
        self._health = health
        self._log = log
        self._topic = topic
        self._unnamed: frozenset[str] = frozenset()
        self._unmarked: set[int] = set()

    async def publish_pending(self) -> None:
        """Publishes the releases that were stored and not published; one whose id another release has taken since is left out.

        Raises:
            LogUnavailableError: the broker takes nothing now.
            StoreUnavailableError: the registry does not answer.
        """
        for release in await asyncio.to_thread(self._registry.pending_publication):
            if release.id > self.id_seen:
                await self.publish(release)
            else:
                if release.id not in self._unmarked:
                    log.warning("release %d was stored and not published, and is left out because another one has its id", release.id)
                await asyncio.to_thread(self._registry.published, release.id)
                self._unmarked.discard(release.id)

    async def publish(self, release: StoredRelease) -> None:
        """Writes the definitions and then the release that names them, waiting for the broker each time, and puts it in force here.

        Raises:
            LogUnavailableError: the broker takes nothing now.
            StoreUnavailableError: the registry does not answer.
        """
        texts = await asyncio.to_thread(self.texts_of, release)
        try:
            compiled = await asyncio.to_thread(lambda: compiling(release.id, release.parts, lambda: texts).result())
        except Refusal as refusal:  # an older version of this program accepted it, and no stage could compile it now
            log.error("a release of the registry is not published: %s", not_in_force(release.id, str(refusal)))
            self.passed_over[release.id] = str(refusal)
            await asyncio.to_thread(self._registry.published, release.id)
            return
        await self._write_definitions(release, texts)
        record = ReleaseRecord(release.id, release.parts, release.at_ms)
        began_ms = await asyncio.to_thread(self.known.beginnings, record)
        record = ReleaseRecord(release.id, release.parts, release.at_ms, began_ms)
        await self._write(release_key(release.id), msgspec.json.encode(record))
        self.id_seen = release.id
        self._in_force.install(compiled, texts, release.parts)
        await self._mark_published(release.id)
        await self.remove_surplus()

    async def _write_definitions(self, release: StoredRelease, texts: Mapping[str, str]) -> None:
        """Writes the definitions of a release that the topic does not hold as long as the release in force names them.

        Those of thousands of rules are sent many at a time, because each waits for the broker.
        """
        there = {hash for hash in self._in_force.hashes.values() if self.known.text(hash) is not None}
        missing = {hash: texts[part].encode() for part, hash in release.parts.items() if hash not in there}
        hashes = list(missing)
        for first in range(0, len(hashes), AT_ONCE):
            await asyncio.gather(*(self._write(DEFINITION + hash, missing[hash]) for hash in hashes[first : first + AT_ONCE]))

    def texts_of(self, release: StoredRelease) -> dict[str, str]:
        """Returns the texts of a release by part, from the topic or else from the registry; call it in a thread.

        Raises:
            Problem: 500, a definition is in neither of them.
            StoreUnavailableError: the registry does not answer.
        """
        return {part: self._text(hash) for part, hash in release.parts.items()}

    def _text(self, hash: str) -> str:
        text = self.known.text(hash)
        if text is None:
            text = self._registry.text(hash)
        if text is None:
            raise Problem(500, f"the registry lacks the definition {hash}, which one of its releases names")
        return text

    async def _mark_published(self, id: int) -> None:
        """Marks the release as published in the registry. If that fails it is done before the next upload, and the release is in force."""
        try:
            await asyncio.to_thread(self._registry.published, id)
        except Exception as error:  # each kind of store raises its own errors
            self._unmarked.add(id)
            log.warning("release %d is published, but could not be marked as published in the registry yet: %s", id, error)

    async def remove_surplus(self) -> None:
        """Deletes records from the control topic that no kept release needs; those that cannot be deleted now are deleted the next time.

        While another release than the one in force decides events, nothing is deleted, because that release may be needed.
        """
        if self._health.decided_by_another:
            return
        found = surplus(self.known, self._unnamed)
        self._unnamed = found.unnamed
        try:
            for key, value in (*found.stated, *dict.fromkeys(found.gone).items()):
                await self._write(key, value)
        except LogUnavailableError as error:
            log.warning("old releases stay on the control topic until the next upload: %s", error)

    async def _write(self, key: str, value: bytes | None) -> None:
        await self._log.deliver(self._topic, key, value)
        self.known.take(key, value)
