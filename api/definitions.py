"""Definitions and releases: followed from the control topic, changed by upload, published so that no crash loses one."""

import asyncio
import dataclasses
import logging
from collections.abc import Sequence

import msgspec

from api.condition import Condition
from api.in_force import InForce
from api.log import Clock, Log
from api.problem import Problem
from features.refusal import Refusal
from features.schema import Schema, read_schema
from pipeline.release import PARTS, Release, compile_release, content_hash
from pipeline.stages.definitions import ReleaseRecord
from stores.registry import Registry, StoredRelease

log = logging.getLogger(__name__)

Records = Sequence[tuple[str, bytes]]
FIXED = ("id_field", "id_type", "time_field", "time_unit", "user")
"""What a schema says that every kept event, profile and decision is filed under."""


class Published(msgspec.Struct):
    """The answer to an upload. `changed` is false when the text was in force already."""

    release: int
    hash: str
    changed: bool


class Definitions:
    """Belongs to the event loop; compiles and writes to the registry in threads.

    Args:
        topic: full name of the control topic.
    """

    def __init__(self, registry: Registry, in_force: InForce, condition: Condition, log: Log, topic: str, clock: Clock) -> None:
        self._registry = registry
        self._in_force = in_force
        self._condition = condition
        self._log = log
        self._topic = topic
        self._clock = clock
        self._texts: dict[str, str] = {}
        self._one = asyncio.Lock()

    async def take(self, records: Records) -> None:
        """Takes in records of the control topic, in order; a release that does not compile here is logged and passed over."""
        async with self._one:
            for key, value in records:
                try:
                    await self._take(key, value)
                except Exception as error:  # one bad record, or a registry that is busy, must not end the following
                    log.error("control record %s is not taken in: %s: %s", key, type(error).__name__, error)

    async def repair(self) -> None:
        """Publishes what the registry holds and the control topic does not; to be called once the topic was read to its end.

        A release that was stored but not published before a crash, whose id another has taken since, is left out.
        """
        async with self._one:
            for release in self._registry.pending_publication():
                in_force = self._in_force.release
                if in_force is not None and in_force.id >= release.id:
                    log.warning("release %d was stored and not published, and is passed over: another has its id", release.id)
                    self._registry.published(release.id)
                    continue
                await self._publish(release)
                texts = {part: self._text(hash) for part, hash in release.parts.items()}
                self._in_force.install(await asyncio.to_thread(compile_release, release.id, texts), texts)
            self._note()

    async def put(self, part: str, text: str, by: str) -> Published:
        """Makes `text` the definition of `part` in a new release; returns when it is on the control topic.

        Raises:
            Refusal: the release that it would make does not compile; with line and column.
            Problem: 503, there is no release to change.
            LogUnavailableError: the release is stored, and published at the next start or upload.
        """
        async with self._one:
            current, _ = self._in_force.require()
            texts = self._in_force.texts | {part: text}
            hash = content_hash(text)
            if self._in_force.texts[part] == text:
                return Published(current.id, hash, False)
            compiled = await asyncio.to_thread(_compile, current, texts)
            stored = await asyncio.to_thread(self._store, texts, by)
            for pending in await asyncio.to_thread(self._registry.pending_publication):
                await self._publish(pending)
            self._in_force.install(dataclasses.replace(compiled, id=stored.id), texts)
            return Published(stored.id, hash, True)

    def releases(self, limit: int) -> list[StoredRelease]:
        """The newest `limit` releases, newest first."""
        newest = self._registry.newest()
        ids = range(newest.id, max(0, newest.id - limit), -1) if newest else range(0)
        return [release for release in map(self._registry.get, ids) if release is not None]

    def _store(self, texts: dict[str, str], by: str) -> StoredRelease:
        at_ms = int(self._clock() * 1000)
        parts = {name: self._registry.put(name, texts[name], by, at_ms) for name in PARTS}
        id = self._registry.release(parts, by, at_ms)
        return StoredRelease(id, parts, by, at_ms)

    async def _publish(self, release: StoredRelease) -> None:
        """Definitions first, then the release that names them: each waits for the broker's word."""
        for hash in release.parts.values():
            await self._log.deliver(self._topic, f"def:{hash}", self._text(hash).encode())
        record = msgspec.json.encode(ReleaseRecord(release.id, release.parts))
        await self._log.deliver(self._topic, f"release:{release.id:010d}", record)
        await asyncio.to_thread(self._registry.published, release.id)

    async def _take(self, key: str, value: bytes) -> None:
        if key.startswith("def:"):
            self._texts[key[4:]] = value.decode()
        elif key.startswith("mode:"):
            self._condition.take_mark(key, value)
        elif key.startswith("release:"):
            await self._follow(msgspec.json.decode(value, type=ReleaseRecord))
        self._note()

    async def _follow(self, record: ReleaseRecord) -> None:
        if self._in_force.release is not None and self._in_force.release.id >= record.id:
            return
        texts = {part: self._texts[hash] for part, hash in record.parts.items()}
        release = await asyncio.to_thread(compile_release, record.id, texts)
        await asyncio.to_thread(self._adopt, record, texts)
        self._in_force.install(release, texts)

    def _adopt(self, record: ReleaseRecord, texts: dict[str, str]) -> None:
        at_ms = int(self._clock() * 1000)
        for part, text in texts.items():
            self._registry.put(part, text, "push", at_ms)
        self._registry.adopt(StoredRelease(record.id, record.parts, "push", at_ms))

    def _text(self, hash: str) -> str:
        text = self._registry.text(hash)
        if text is None:
            raise Problem(500, "the registry lacks a definition that one of its releases names")
        return text

    def _note(self) -> None:
        self._condition.found("release", "" if self._in_force.release else "no release is in force")


def _compile(current: Release, texts: dict[str, str]) -> Release:
    _keep_identity(current.schema, read_schema(texts["schema"], "schema.yaml"))
    return compile_release(current.id + 1, texts)


def _keep_identity(old: Schema, new: Schema) -> None:
    for name in FIXED:
        if getattr(old, name) != getattr(new, name):
            place, _, detail = name.partition("_")
            raise Refusal(
                "identity changed",
                where=f"schema.yaml: {place}{'.' + detail if detail else ''}",
                expected=f"{getattr(old, name)}, as in the release in force",
                got=getattr(new, name),
                remedy="events that are kept are filed under it: start a new system for another id, time or user",
            )
