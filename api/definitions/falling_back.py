"""A release under which event after event raises is taken back: the definitions before it are put in force, once, and said loudly."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import msgspec
from confluent_kafka import Message

from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.http.etag import etag_of
from api.http.metrics import Counts
from api.kafka.following import Following, Record
from api.kafka.log import Clock
from pipeline.engine.isolation import RAISED
from pipeline.engine.release import PARTS
from stores.audit import Audit, Fact
from stores.registry import Registry, StoredRelease

log = logging.getLogger(__name__)

SYSTEM = "system"
"""By whom such a release is, in the registry and in the audit log."""
LOOKED_AT = 500
"""Releases among which the one before is looked for."""
RETRY_SECONDS = 10.0
_BEGINNING = b'{"reason":{"what":"' + RAISED.encode() + b'"'


class _Reason(msgspec.Struct):
    where: str = ""


class _Letter(msgspec.Struct):
    """What is read of a dead letter."""

    reason: _Reason
    release: str = ""
    in_a_row: str = "0"


_decode = msgspec.json.Decoder(_Letter).decode


class RaisedLetters(Following):
    """Those dead letters, from now on, that are of records at which a stage raised: few, so that a flood of refused events costs little."""

    def _wanted(self, messages: list[Message]) -> list[Record]:
        return [record for record in super()._wanted(messages) if record[1] is not None and record[1].startswith(_BEGINNING)]


class FallingBack:
    """Decides for all stages at once. Belongs to the event loop.

    A release is taken back once at most, and never one that took another back: where events raise under both, the fault is not the
    release's. Lists and the bypass stay as they are.

    Args:
        in_a_row_max: events in a row under the release in force at which a stage raises, before it is taken back; 0: never.
        clock: seconds since the epoch.
    """

    def __init__(self, definitions: Definitions, in_force: InForce, audit: Audit, counts: Counts, clock: Clock, in_a_row_max: int) -> None:
        self._definitions = definitions
        self._in_force = in_force
        self._audit = audit
        self._counts = counts
        self._clock = clock
        self._in_a_row_max = in_a_row_max
        self._suspects: asyncio.Queue[int] = asyncio.Queue()
        self._looked_at = 0
        self._checked: tuple[int, str] = (0, "")

    def take(self, letters: Sequence[Record]) -> None:
        """Takes in dead letters of `RaisedLetters`; what is none is passed over."""
        for _, value in letters:
            try:
                letter = _decode(value or b"")
                release, in_a_row = int(letter.release or 0), int(letter.in_a_row)
            except (ValueError, RecursionError):
                continue
            self._counts.raised[letter.reason.where] += 1
            now = self._in_force.release
            if self._in_a_row_max and in_a_row >= self._in_a_row_max and now is not None and now.id == release != self._looked_at:
                self._looked_at = release
                self._suspects.put_nowait(release)

    async def run(self) -> None:
        """Takes back what `take` suspects, for as long as the process lives; what fails is tried again while its release is in force."""
        while True:
            release = await self._suspects.get()
            while self._is_in_force(release):
                try:
                    await self._fall_back(release)
                    break
                except Exception as error:  # whatever it is: the release in force is one under which nothing is decided
                    log.error("release %d is not taken back yet: %s: %s", release, type(error).__name__, error)
                    await asyncio.sleep(RETRY_SECONDS)

    async def check(self) -> str:
        """What `/ready` says: which release was taken back, while the one in force is there because of that; else ''."""
        release = self._in_force.release
        if release is not None and self._checked[0] != release.id:
            kept = await asyncio.to_thread(self._definitions.registry.get, release.id)
            by_system = kept is not None and kept.by == SYSTEM
            text = f"release {release.id} is in force since events raised under the one before; push mended definitions"
            self._checked = (release.id, text if by_system else "")
        return self._checked[1]

    def _is_in_force(self, id: int) -> bool:
        return self._in_force.release is not None and self._in_force.release.id == id

    async def _fall_back(self, id: int) -> None:
        hashes = dict(self._in_force.hashes)
        target = await asyncio.to_thread(one_before, self._definitions.registry, id, hashes)
        if target is None:
            log.critical("event after event raises under release %d, and there is no release to go back to: mend and push definitions", id)
            return
        log.critical("event after event raises under release %d: the definitions of release %d are put in force again", id, target.id)
        action = f"take back release {id}"
        intent = Fact(self._now_ms(), SYSTEM, (), action, "intent", subject=f"back to release {target.id}")
        number = (await asyncio.to_thread(self._audit.append, intent)).number
        texts = await asyncio.to_thread(self._texts_of, target)
        seen = {part: etag_of(hash) for part, hash in hashes.items() if part in PARTS}
        published = await self._definitions.put(texts, SYSTEM, seen)
        self._counts.taken_back += 1
        log.critical(
            "release %d is in force, with the definitions of release %d; release %d is taken back", published.release, target.id, id
        )
        outcome = Fact(self._now_ms(), SYSTEM, (), action, "outcome", number, 200, f"release {published.release}")
        await asyncio.to_thread(self._audit.append, outcome)

    def _texts_of(self, release: StoredRelease) -> dict[str, str | None]:
        return {part: self._definitions.registry.text(release.parts[part]) for part in PARTS}

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def one_before(registry: Registry, id: int, parts: Mapping[str, str]) -> StoredRelease | None:
    """The newest release before `id` with another schema, features, models or policy than `parts`, its hashes.

    None where there is none, and where these definitions are themselves in force because others were taken back.
    """
    kept = registry.releases(LOOKED_AT, id + 1)
    own = _core_of(parts)
    if any(release.by == SYSTEM and _core_of(release.parts) == own for release in kept):
        return None
    return next((release for release in kept if release.id < id and _core_of(release.parts) != own), None)


def _core_of(parts: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(parts.get(part, "") for part in PARTS)
