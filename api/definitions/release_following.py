"""The control topic is followed here: what it says is in force in this process, and it and the registry are kept equal."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from api.definitions.control_topic import ControlTopic
from api.definitions.followed import Followed
from api.definitions.in_force import InForce
from api.http.health import Health
from api.http.retry import retry_until_done
from api.kafka.log import Clock, LogUnavailableError
from foundation.refusal import Refusal
from pipeline.control.known_releases import not_in_force
from pipeline.engine.definitions.release import compile_release
from pipeline.wire.declaration import MODE_KEY
from stores.registry import Registry, StoredRelease

log = logging.getLogger(__name__)

Records = Sequence[tuple[str, bytes | None]]
ELSEWHERE = "start"
"""The author that the registry names for a release found on the control topic; the start of the system writes the first one."""


class ReleaseFollowing:
    """Takes in the control topic. Only the event loop's thread may use it; it compiles and calls the registry in threads.

    Args:
        topic: the control topic, with what of it is known.
        clock: seconds since the epoch.
        found: is called in a thread with each release on the topic that the registry does not know.

    Attributes:
        one: is held by whoever changes what is in force; `Definitions` holds it while it makes a release.
    """

    def __init__(
        self,
        registry: Registry,
        in_force: InForce,
        health: Health,
        topic: ControlTopic,
        clock: Clock,
        found: Callable[[StoredRelease], None] = lambda release: None,
    ) -> None:
        self.one = asyncio.Lock()
        self._registry = registry
        self._in_force = in_force
        self._health = health
        self._topic = topic
        self._clock = clock
        self._followed_ids: set[int] = set()
        self._refused: dict[int, str] = {}
        self._followed = Followed(registry, found)
        self._repaired = False
        self._standing_in = False
        self._to_reconcile = asyncio.Event()
        self._to_reconcile.set()

    async def stand_in(self) -> bool:
        """Puts the newest published release of the registry in force in this process until the first call of `take`.

        So events can be answered with the fallback while the control topic cannot be read. Until then definitions cannot be changed.
        Gives False if the registry has no release that compiles.

        Raises:
            StoreUnavailableError: the registry does not answer.
        """
        async with self.one:
            release = await asyncio.to_thread(_newest_published, self._registry)
            if release is None:
                return False
            texts = await asyncio.to_thread(self._topic.texts_of, release)
            try:
                compiled = await asyncio.to_thread(compile_release, release.id, texts)
            except Refusal as refusal:  # an older version of this program accepted it
                log.error("release %d of the registry is not put in force, because it does not compile: %s", release.id, refusal)
                return False
            self._standing_in = self._in_force.install(compiled, texts, release.parts)
            return True

    async def take(self, records: Records) -> None:
        """Takes in records of the control topic; afterwards the newest release that compiles is in force in this process.

        The releases are written to the registry later, by `reconcile` or before the next change; only when too many of them wait does this
        call the registry itself.
        """
        async with self.one:
            for key, value in records:
                try:
                    self._take(key, value)
                except Exception as error:  # one bad record must not stop the others
                    log.error("the record %s of the control topic could not be taken in: %s: %s", key, type(error).__name__, error)
            await self._follow()
            self._standing_in = False
            self.note()

    async def repair(self) -> None:
        """Publishes the releases that the registry holds and the control topic lacks; call it once the topic was read to its end.

        These are the releases that were stored but not published before a crash, and the newest one if the topic was lost. A release
        whose id another one has taken since is left out, and so is one that no longer compiles.

        Raises:
            LogUnavailableError: the broker takes nothing now, or the topic has not been read yet.
            StoreUnavailableError: the registry does not answer.
        """
        async with self.one:
            await self.catch_up()

    async def reconcile(self) -> None:
        """Keeps registry and control topic equal for as long as the process lives.

        It writes followed releases to the registry and calls `repair` once, and tries each again until it succeeds.
        """
        while True:
            await self._to_reconcile.wait()
            self._to_reconcile.clear()
            await retry_until_done(self._reconcile_once, "the reconciliation of registry and control topic")

    async def catch_up(self) -> None:
        """Does what `repair` says, for one who holds `one`.

        Raises:
            LogUnavailableError, StoreUnavailableError: as `repair`.
        """
        if self._standing_in:
            raise LogUnavailableError("the control topic has not been read since the start")
        await self._followed.adopt()
        await self._topic.publish_pending()
        if not self._repaired:
            newest = await asyncio.to_thread(self._registry.newest)
            if newest is not None and newest.id > self._topic.id_seen:
                await self._topic.publish(newest)
            await self._topic.remove_surplus()
            self._repaired = True
        self.note()

    async def _reconcile_once(self) -> None:
        await self._followed.adopt()
        if not self._repaired:
            await asyncio.to_thread(self._registry.newest)  # waits for a registry that hangs here, without the lock that `take` needs
            await self.repair()

    def _take(self, key: str, value: bytes | None) -> None:
        if key.startswith(MODE_KEY):
            if value is not None:
                self._health.take_catch_up_marker(key, value)
        else:
            self._topic.known.take(key, value)

    async def _follow(self) -> None:
        """Hands releases that came after the one in force to the registry, and puts the newest one that compiles in force."""
        current = self._in_force.release.id if self._in_force.release is not None and not self._standing_in else 0
        self._topic.id_seen = max(self._topic.id_seen, *self._topic.known.ids(), 0)
        self._followed_ids = {id for id in self._followed_ids if id > current}
        for record in [record for id in self._topic.known.ids() if id > current and (record := self._topic.known.record(id))]:
            if record.id in self._followed_ids:
                continue
            try:
                texts = self._topic.known.texts(record.parts)
            except Refusal as refusal:  # its definitions may still come
                log.warning("release %d of the control topic is not complete yet: %s", record.id, refusal)
                continue
            self._followed_ids.add(record.id)
            at_ms = int(self._clock() * 1000)
            await self._followed.add(StoredRelease(record.id, record.parts, ELSEWHERE, at_ms), texts)
            self._to_reconcile.set()
        newest = await asyncio.to_thread(lambda: self._topic.known.newest)
        self._refused = self._topic.known.passed_over()
        if newest is not None and newest.id > current and (known := self._topic.known.record(newest.id)) is not None:
            self._in_force.install(newest, self._topic.known.texts(known.parts), known.parts)

    def note(self) -> None:
        """Tells the health of this process which release is in force, and why a newer one is not."""
        current = self._in_force.release.id if self._in_force.release is not None else 0
        passed_over = {id: reason for id, reason in (self._topic.passed_over | self._refused).items() if id > current}
        self._health.passed_over = not_in_force(*max(passed_over.items())) if passed_over else ""
        self._health.found("release", self._health.release_problem(self._in_force.release is not None))


def _newest_published(registry: Registry) -> StoredRelease | None:
    pending = {release.id for release in registry.pending_publication()}
    return next((release for release in registry.releases(len(pending) + 1) if release.id not in pending), None)
