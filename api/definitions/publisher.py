"""Definitions and releases are followed on the control topic and changed by uploads here, so that no crash loses one."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence

import msgspec

from api.definitions.approval import Approval
from api.definitions.control_topic import ControlTopic
from api.definitions.definition_shapes import KeptParts
from api.definitions.feature_versions import FeatureVersion, feature_versions
from api.definitions.followed import Followed
from api.definitions.in_force import InForce
from api.http.etag import etag_matches
from api.http.health import Health
from api.http.problem import Problem
from api.http.retry import retry_until_done
from api.kafka.log import Clock, Log, LogUnavailableError
from api.lists.list_shapes import ListChanged
from api.trials.change import Changes, CompileChange, compile_here, with_changes
from features.sets.catalogue import NO_DIFFERENCE, Difference, difference
from features.sets.warm_up import features_that_warm
from foundation.refusal import Refusal
from patterns.lifecycle.manifest import MANIFEST, PATTERN_PREFIX, read_manifest, with_manifest
from patterns.lists import declared
from pipeline.control.known_releases import not_in_force
from pipeline.engine.definitions.feature_catalogue import catalogue_of_release
from pipeline.engine.definitions.learned_bins import learned_bins
from pipeline.engine.definitions.model import Model
from pipeline.engine.definitions.own_detectors import detectors_that_warm
from pipeline.engine.definitions.release import BYPASS, RELEASE_MAX, Release, compile_release
from pipeline.engine.definitions.sequences_that_warm import sequences_that_warm
from pipeline.trial.river_cost import RiverCost
from pipeline.trial.river_models import costs_of, of_river
from pipeline.trial.rule_tests import TestedRule, run_tests_of, with_one_rule
from pipeline.wire.declaration import MODE_KEY
from stores.registry import Registry, StoredRelease

log = logging.getLogger(__name__)

MeasureModels = Callable[[Mapping[str, str], Collection[str]], dict[str, RiverCost]]
"""A function like `pipeline.trial.river_models.costs_of`."""
TestRule = Callable[[str, Mapping[str, str]], TestedRule]
"""A function like `pipeline.trial.rule_tests.run_tests_of`."""
Records = Sequence[tuple[str, bytes | None]]
ELSEWHERE = "start"
"""The author that the registry names for a release found on the control topic; the start of the system writes the first one."""


class Published(msgspec.Struct, omit_defaults=True):
    """The result of an upload: the release in force and the hashes of its parts. `changed` is false when it had the same texts before.

    `features` names the features that were added, changed and removed. `warming` names those new or changed ones whose history is
    insufficient, which decisions say until it suffices; in it ``model.<name>`` is a new or changed detector with a state for each primary
    entity that starts without a state, and ``pattern.<id>`` a rule whose new or changed sequence begins with nothing. `lists` are the lists
    whose entries came with the definitions. `models` says what new or changed models of River cost, and `warnings` has a sentence for
    each new or changed model that may not be meant as it is.
    """

    release: int
    parts: dict[str, str]
    changed: bool
    features: Difference = NO_DIFFERENCE
    warming: tuple[str, ...] = ()
    lists: dict[str, ListChanged] = {}
    models: dict[str, RiverCost] = {}
    warnings: tuple[str, ...] = ()


class Definitions:
    """The definitions of the system. Only the event loop's thread may use it; it compiles and calls the registry in threads.

    Args:
        topic: the full name of the control topic.
        clock: seconds since the epoch.
        found: is called in a thread with each release on the topic that the registry does not know.
        approval: says who may put an upload in force; the routes ask it.
        compile_change: compiles and tries an upload; it is called in a thread.
        test_rule: reads and tests a rule; it is called in a thread.
        measure_models: measures models of River; it is called in a thread.
    """

    def __init__(
        self,
        registry: Registry,
        in_force: InForce,
        health: Health,
        log: Log,
        topic: str,
        clock: Clock,
        found: Callable[[StoredRelease], None] = lambda release: None,
        approval: Approval | None = None,
        compile_change: CompileChange = compile_here,
        test_rule: TestRule = run_tests_of,
        measure_models: MeasureModels = costs_of,
    ) -> None:
        self.approval = approval or Approval()
        self._compile_change = compile_change
        self._test_rule = test_rule
        self._measure_models = measure_models
        self._registry = registry
        self._in_force = in_force
        self._health = health
        self._topic = ControlTopic(registry, in_force, health, log, topic)
        self._clock = clock
        self._followed_ids: set[int] = set()
        self._refused: dict[int, str] = {}
        self._one = asyncio.Lock()
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
        async with self._one:
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
        async with self._one:
            for key, value in records:
                try:
                    self._take(key, value)
                except Exception as error:  # one bad record must not stop the others
                    log.error("the record %s of the control topic could not be taken in: %s: %s", key, type(error).__name__, error)
            await self._follow()
            self._standing_in = False
            self._note()

    async def repair(self) -> None:
        """Publishes the releases that the registry holds and the control topic lacks; call it once the topic was read to its end.

        These are the releases that were stored but not published before a crash, and the newest one if the topic was lost. A release
        whose id another one has taken since is left out, and so is one that no longer compiles.

        Raises:
            LogUnavailableError: the broker takes nothing now, or the topic has not been read yet.
            StoreUnavailableError: the registry does not answer.
        """
        async with self._one:
            await self._catch_up()

    async def reconcile(self) -> None:
        """Keeps registry and control topic equal for as long as the process lives.

        It writes followed releases to the registry and calls `repair` once, and tries each again until it succeeds.
        """
        while True:
            await self._to_reconcile.wait()
            self._to_reconcile.clear()
            await retry_until_done(self._reconcile_once, "the reconciliation of registry and control topic")

    async def put(self, changes: Changes, by: str, seen: Mapping[str, str] | None = None) -> Published:
        """Makes a new release with `changes` and returns when it is on the control topic.

        Releases that were followed, or stored by an earlier upload and not published, are written first. So the new release is based on
        them and gets a greater id.

        Args:
            changes: the changed texts by part; None removes a part.
            by: the name of the caller.
            seen: the value of the header ``If-Match``, by part.

        Raises:
            Problem: 412, a part is no longer the one in `seen`; 503, the broker did not take the new release, which is stored and will be
                published.
            Refusal: the new release does not compile or lacks a part; the refusal has the line and column.
            LogUnavailableError: the broker takes nothing now, or the topic has not been read yet; nothing is stored.
            StoreUnavailableError: the registry does not answer.
        """
        return await self.edit(lambda texts: changes, by, seen)

    async def edit(self, change: Callable[[Mapping[str, str]], Changes], by: str, seen: Mapping[str, str] | None = None) -> Published:
        """Makes a new release as `put` does, with what `change` makes of the texts in force: no other change comes between."""
        async with self._one:
            await self._catch_up()
            self._require_seen(seen or {})
            return await self._put(change(self._in_force.texts), by)

    async def _put(self, changes: Changes, by: str) -> Published:
        current = self._in_force.release
        texts = await self._texts_with(changes)
        if current is not None and texts == self._in_force.texts and not self._health.passed_over:
            return Published(current.id, self._in_force.hashes, False)
        compiled = await asyncio.to_thread(self._compile_change, current, self._in_force.texts, texts, changes)
        change, warming = _what_changes(current, compiled)
        stored = await asyncio.to_thread(self._store, texts, by)
        try:
            await self._topic.publish(stored)
        except LogUnavailableError as error:
            text = f"release {stored.id} is stored but not published; the next upload or start will publish it: {error}"
            raise Problem(503, text, [(b"retry-after", b"1")]) from error
        self._note()
        new = _new_models(current, compiled)
        costs = await self._costs_of([model.name for model in of_river(new)], texts)
        return Published(stored.id, stored.parts, True, change, warming, models=costs, warnings=tuple(learned_bins(new).values()))

    async def _costs_of(self, names: Sequence[str], texts: Mapping[str, str]) -> dict[str, RiverCost]:
        """What models of River cost; most releases have no new ones.

        It is measured when they are in force already, since a rollback must not wait for that.
        """
        try:
            return await asyncio.to_thread(self._measure_models, texts, names) if names else {}
        except (Refusal, Problem) as error:
            log.warning("it is not known what the models %s cost: %s", ", ".join(names), error)
            return {}

    async def keep(self, changes: Mapping[str, str], by: str, seen: Mapping[str, str] | None = None) -> KeptParts:
        """Stores definitions, by part, without putting them in force.

        Args:
            seen: as for `put`.

        Raises:
            Problem: 412, a part is no longer the one in `seen`.
            Refusal: they do not compile together with the other parts in force.
        """
        async with self._one:
            self._require_seen(seen or {})
            current = self._in_force.release
            changes = declared(changes)
            texts = await self._texts_with(changes)
            compiled = await asyncio.to_thread(self._compile_change, current, self._in_force.texts, texts, changes)
            at_ms = int(self._clock() * 1000)
            parts = {part: await asyncio.to_thread(self._registry.put, part, text, by, at_ms) for part, text in changes.items()}
            if current is None:
                return KeptParts(parts)
            return KeptParts(parts, *_what_changes(current, compiled))

    async def test(self, id: str, text: str) -> TestedRule:
        """Reads `text` as that of the rule `id` beside the definitions in force, and runs its tests. Nothing is stored.

        Raises:
            Refusal: it does not compile; names line and column.
            Problem: 503, no release is in force, or there is no process that could test it.
        """
        self._in_force.require()
        texts = {**self._in_force.texts, PATTERN_PREFIX + id: text}
        return await asyncio.to_thread(lambda: self._test_rule(id, with_one_rule(texts, id)))

    async def _texts_with(self, changes: Changes) -> dict[str, str]:
        """All texts in force with `changes`; the manifest of the rules fits them, unless it is one of the changes itself."""
        texts = declared(with_changes(self._in_force.texts, changes))
        if changes.get(MANIFEST) is not None:
            return texts
        before = read_manifest(self._in_force.texts.get(MANIFEST, "{}"))
        return await asyncio.to_thread(with_manifest, texts, before, self._in_force.release is None)

    async def go_back(self, id: int, by: str) -> Published:
        """Makes a new release with the parts of release `id`.

        The kill switch stays as it is, because a caller who may roll back need not be one who may set the switch.

        Raises:
            Problem: 404, there is no such release; otherwise as for `put`.
        """
        release = await asyncio.to_thread(self.release, id)
        texts: dict[str, str | None] = dict.fromkeys(self._in_force.texts)
        texts |= await asyncio.to_thread(self._topic.texts_of, release)
        texts.pop(BYPASS, None)
        return await self.put(texts, by)

    def release(self, id: int) -> StoredRelease:
        """The release with this id.

        Raises:
            Problem: 404, there is none.
        """
        found = self._registry.get(id) if 0 < id <= RELEASE_MAX else None
        if found is None:
            raise Problem(404, f"there is no release {id}")
        return found

    @property
    def registry(self) -> Registry:
        """The registry, for reading."""
        return self._registry

    def feature_versions(self, name: str) -> list[FeatureVersion]:
        """See `feature_versions.feature_versions`."""
        return feature_versions(self._registry, name)

    def _require_seen(self, seen: Mapping[str, str]) -> None:
        for part, header in seen.items():
            if not etag_matches(header, self._in_force.hashes.get(part)):
                text = f"{part} was changed since it was read; read the text in force again and change that"
                raise Problem(412, text, members={"in_force": self._in_force.hashes.get(part, "")})

    def _store(self, texts: dict[str, str], by: str) -> StoredRelease:
        at_ms = int(self._clock() * 1000)
        parts = self._registry.put_many(texts, by, at_ms)
        id = self._registry.release(parts, by, at_ms)
        return StoredRelease(id, parts, by, at_ms)

    async def _reconcile_once(self) -> None:
        await self._followed.adopt()
        if not self._repaired:
            await asyncio.to_thread(self._registry.newest)  # waits for a registry that hangs here, without the lock that `take` needs
            await self.repair()

    async def _catch_up(self) -> None:
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
        self._note()

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

    def _note(self) -> None:
        current = self._in_force.release.id if self._in_force.release is not None else 0
        passed_over = {id: reason for id, reason in (self._topic.passed_over | self._refused).items() if id > current}
        self._health.passed_over = not_in_force(*max(passed_over.items())) if passed_over else ""
        self._health.found("release", self._health.release_problem(self._in_force.release is not None))


def _newest_published(registry: Registry) -> StoredRelease | None:
    pending = {release.id for release in registry.pending_publication()}
    return next((release for release in registry.releases(len(pending) + 1) if release.id not in pending), None)


def _new_models(current: Release | None, compiled: Release) -> list[Model]:
    """The models that the release in force has not, or has otherwise."""
    known = {model.definition for model in current.models} if current is not None else set()
    return [model for model in compiled.models if model.definition not in known]


def _what_changes(current: Release | None, compiled: Release) -> tuple[Difference, tuple[str, ...]]:
    if current is None:
        return NO_DIFFERENCE, ()
    old, new = current.features, compiled.features
    detectors = (f"model.{name}" for name in detectors_that_warm(current.models, compiled.models, old, new))
    change = difference(catalogue_of_release(current), catalogue_of_release(compiled))
    rules = (f"pattern.{id}" for id in sequences_that_warm(current, compiled))
    return change, (*features_that_warm(old, new), *detectors, *rules)
