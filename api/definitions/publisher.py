"""Definitions are changed by uploads here; each is a release on the control topic before it is answered, so that no crash loses one."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from api.definitions.approval import Approval
from api.definitions.control_topic import ControlTopic
from api.definitions.definition_shapes import KeptParts
from api.definitions.feature_versions import FeatureVersion, feature_versions
from api.definitions.in_force import InForce
from api.definitions.published import Published, new_models, what_changes
from api.definitions.release_following import ReleaseFollowing
from api.http.etag import etag_matches
from api.http.health import Health
from api.http.problem import Problem
from api.kafka.log import Clock, Log, LogUnavailableError
from api.trials.change import Changes, CompileChange, compile_here, with_changes
from foundation.refusal import Refusal
from patterns.lifecycle.manifest import MANIFEST, PATTERN_PREFIX, read_manifest, with_manifest
from patterns.lists import declared
from pipeline.engine.definitions.learned_bins import learned_bins
from pipeline.engine.definitions.part_names import BYPASS
from pipeline.engine.definitions.release import RELEASE_MAX
from pipeline.trial.river_cost import RiverCost
from pipeline.trial.river_models import costs_of, of_river
from pipeline.trial.rule_tests import TestedRule, run_tests_of, with_one_rule
from stores.registry import Registry, StoredRelease

log = logging.getLogger(__name__)

MeasureModels = Callable[[Mapping[str, str], Collection[str]], dict[str, RiverCost]]
"""A function like `pipeline.trial.river_models.costs_of`."""
TestRule = Callable[[str, Mapping[str, str]], TestedRule]
"""A function like `pipeline.trial.rule_tests.run_tests_of`."""


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

    Attributes:
        following: takes in the control topic.
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
        self.following = ReleaseFollowing(registry, in_force, health, self._topic, clock, found)

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
        async with self.following.one:
            await self.following.catch_up()
            self._require_seen(seen or {})
            return await self._put(change(self._in_force.texts), by)

    async def _put(self, changes: Changes, by: str) -> Published:
        current = self._in_force.release
        texts = await self._texts_with(changes)
        if current is not None and texts == self._in_force.texts and not self._health.passed_over:
            return Published(current.id, self._in_force.hashes, False)
        compiled = await asyncio.to_thread(self._compile_change, current, self._in_force.texts, texts, changes)
        change, warming = what_changes(current, compiled)
        stored = await asyncio.to_thread(self._store, texts, by)
        try:
            await self._topic.publish(stored)
        except LogUnavailableError as error:
            text = f"release {stored.id} is stored but not published; the next upload or start will publish it: {error}"
            raise Problem(503, text, [(b"retry-after", b"1")]) from error
        self.following.note()
        new = new_models(current, compiled)
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
        async with self.following.one:
            self._require_seen(seen or {})
            current = self._in_force.release
            changes = declared(changes)
            texts = await self._texts_with(changes)
            compiled = await asyncio.to_thread(self._compile_change, current, self._in_force.texts, texts, changes)
            at_ms = int(self._clock() * 1000)
            parts = {part: await asyncio.to_thread(self._registry.put, part, text, by, at_ms) for part, text in changes.items()}
            if current is None:
                return KeptParts(parts)
            return KeptParts(parts, *what_changes(current, compiled))

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
