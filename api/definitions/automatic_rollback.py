"""Rolls back automatically: when event after event raises under a release, the definitions before it are put in force again, once."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import msgspec

from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.http.etag import etag_of
from api.http.metrics import ApiMetrics
from api.kafka.following import Following, Record
from api.kafka.log import Clock
from patterns.lifecycle.manifest import MANIFEST, PATTERN_PREFIX
from pipeline.control.topic_clients import TopicMessage
from pipeline.engine.definitions.champions import CHAMPIONS
from pipeline.engine.definitions.part_names import PARTS
from pipeline.engine.isolation import RAISED
from stores.audit import Audit, Fact
from stores.registry import Registry, StoredRelease

log = logging.getLogger(__name__)

SYSTEM = "system"
"""The author of an automatic rollback, in the registry and in the audit log."""
LOOKED_AT = 500
"""The release to go back to is looked for among so many of the newest ones."""
RETRY_SECONDS = 10.0
_BEGINNING = b'{"reason":{"what":"' + RAISED.encode() + b'"'


class _Reason(msgspec.Struct):
    where: str = ""


class _Letter(msgspec.Struct):
    """The fields that are read of a dead letter."""

    reason: _Reason
    release: str = ""
    in_a_row: str = "0"


_decode = msgspec.json.Decoder(_Letter).decode


class RaisedLetters(Following):
    """Follows the dead letters of records at which a stage raised; all others are passed over before they are parsed.

    So a flood of refused events costs little.
    """

    def _wanted(self, messages: list[TopicMessage]) -> list[Record]:
        return [record for record in super()._wanted(messages) if record[1] is not None and record[1].startswith(_BEGINNING)]


class AutomaticRollback:
    """Watches dead letters and rolls back for all stages. Only the event loop's thread may use it.

    A release is rolled back at most once, and an automatic rollback never is: when events raise under both releases, the cause is another.
    Lists and the kill switch stay as they are.

    Args:
        in_a_row_max: a release is rolled back when a stage raises at so many events in a row under it; 0 means never.
        clock: seconds since the epoch.
    """

    def __init__(
        self, definitions: Definitions, in_force: InForce, audit: Audit, api_metrics: ApiMetrics, clock: Clock, in_a_row_max: int
    ) -> None:
        self._definitions = definitions
        self._in_force = in_force
        self._audit = audit
        self._api_metrics = api_metrics
        self._clock = clock
        self._in_a_row_max = in_a_row_max
        self._suspects: asyncio.Queue[int] = asyncio.Queue()
        self._looked_at = 0
        self._checked: tuple[int, str] = (0, "")

    def take(self, letters: Sequence[Record]) -> None:
        """Takes in dead letters of `RaisedLetters`; a record that is not one is passed over."""
        for _, value in letters:
            try:
                letter = _decode(value or b"")
                release, in_a_row = int(letter.release or 0), int(letter.in_a_row)
            except (ValueError, RecursionError):
                continue
            self._api_metrics.count_raised(letter.reason.where)
            now = self._in_force.release
            if self._in_a_row_max and in_a_row >= self._in_a_row_max and now is not None and now.id == release != self._looked_at:
                self._looked_at = release
                self._suspects.put_nowait(release)

    async def run(self) -> None:
        """Rolls back the releases that `take` suspects, for as long as the process lives; a failed rollback is tried again."""
        while True:
            release = await self._suspects.get()
            while self._is_in_force(release):
                try:
                    await self._roll_back(release)
                    break
                except Exception as error:  # any error is tried again, because nothing is decided under this release
                    log.error("release %d is not rolled back yet, and it is tried again: %s: %s", release, type(error).__name__, error)
                    await asyncio.sleep(RETRY_SECONDS)

    async def check(self) -> str:
        """The check of the part ``taken_back``: a sentence while the release in force is an automatic rollback, else ''."""
        release = self._in_force.release
        if release is not None and self._checked[0] != release.id:
            kept = await asyncio.to_thread(self._definitions.registry.get, release.id)
            by_system = kept is not None and kept.by == SYSTEM
            text = f"release {release.id} is an automatic rollback, because events raised under the one before; push corrected definitions"
            self._checked = (release.id, text if by_system else "")
        return self._checked[1]

    def _is_in_force(self, id: int) -> bool:
        return self._in_force.release is not None and self._in_force.release.id == id

    async def _roll_back(self, id: int) -> None:
        hashes = dict(self._in_force.hashes)
        target = await asyncio.to_thread(one_before, self._definitions.registry, id, hashes)
        if target is None:
            log.critical("event after event raises under release %d, and there is no release to go back to; push corrected definitions", id)
            return
        log.critical("event after event raises under release %d, so the definitions of release %d are put in force again", id, target.id)
        action = f"take back release {id}"
        intent = Fact(self._now_ms(), SYSTEM, (), action, "intent", subject=f"back to release {target.id}")
        number = (await asyncio.to_thread(self._audit.append, intent)).number
        own = _definitions_of(hashes)
        texts = dict.fromkeys(own) | await asyncio.to_thread(self._texts_of, target)
        seen = {part: etag_of(hash) for part, hash in own.items()}
        published = await self._definitions.put(texts, SYSTEM, seen)
        self._api_metrics.count_taken_back()
        text = "release %d is in force with the definitions of release %d; release %d is rolled back"
        log.critical(text, published.release, target.id, id)
        outcome = Fact(self._now_ms(), SYSTEM, (), action, "outcome", number, 200, f"release {published.release}")
        await asyncio.to_thread(self._audit.append, outcome)

    def _texts_of(self, release: StoredRelease) -> dict[str, str | None]:
        return {part: self._definitions.registry.text(hash) for part, hash in _definitions_of(release.parts).items()}

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def one_before(registry: Registry, id: int, parts: Mapping[str, str]) -> StoredRelease | None:
    """The newest release before `id` whose schema, features, models, policy or rules differ from `parts`, the hashes of release `id`.

    None if there is none, or if an automatic rollback has put these definitions in force itself.
    """
    kept = registry.releases(LOOKED_AT, id + 1)
    own = _definitions_of(parts)
    if any(release.by == SYSTEM and _definitions_of(release.parts) == own for release in kept):
        return None
    return next((release for release in kept if release.id < id and _definitions_of(release.parts) != own), None)


def _definitions_of(parts: Mapping[str, str]) -> dict[str, str]:
    """The hashes of what an event is decided by: those of the definitions, the rules and their manifest, and champions."""
    return {part: hash for part, hash in parts.items() if part in (*PARTS, MANIFEST, CHAMPIONS) or part.startswith(PATTERN_PREFIX)}
