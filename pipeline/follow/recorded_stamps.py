"""The stamp that each event of a recorded run had when it was decoded, as its decision tells it."""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from detectors.snapshot import snapshot_key
from detectors.snapshot_parts import SnapshotAssembly, parts_of
from features.schema.decode import Decoder
from features.schema.event import ADD, Event
from foundation.refusal import Refusal
from pipeline.control.definitions import key_text
from pipeline.control.known_releases import KnownReleases
from pipeline.wire.declaration import RELEASE_KEY
from stores.archive.archive_rows import ArchivedRecord

Name = tuple[str, int]
"""The `Snapshot.key` of a snapshot, and its number."""


class Stamp(NamedTuple):
    """What an event was stamped with.

    Args:
        release: id of the release that decoded and decided it.
        moment: position in the topic of models up to which snapshots counted; any that gives the same snapshots.
        named: the snapshots that its decision names.
        degraded: an entity's answer was missing.
    """

    release: int
    moment: int
    named: tuple[Name, ...] = ()
    degraded: bool = False


class _Scored(msgspec.Struct):
    snapshot: int | None = None


class Recorded(msgspec.Struct):
    """The fields of a decision that say how it was made and what it is about."""

    event_id: str
    revision: int
    event_time: int
    user: str
    release: int
    entities: dict[str, str] = {}
    models: dict[str, _Scored] = {}
    thresholds: dict[str, _Scored] = {}
    flags: list[str] = []

    @property
    def name(self) -> tuple[str, str, int]:
        """What no other decision has."""
        return self.user, self.event_id, self.revision


class RecordedStamps:
    """Finds the stamps of recorded events.

    Args:
        control, models: the records of these topics, in their order.
        decisions: the first decision of each event and revision.
    """

    def __init__(self, control: Iterable[ArchivedRecord], models: Iterable[ArchivedRecord], decisions: Iterable[Recorded]) -> None:
        self.releases = KnownReleases()
        self.unknown: set[str] = set()
        """Releases and snapshots that decisions name and that were not recorded, in words."""
        self._records: dict[int, tuple[str, bytes]] = {}
        self._snapshots: dict[Name, tuple[int, list[tuple[str, bytes]]]] = {}
        self._left: dict[tuple[str, str], deque[tuple[int, Stamp]]] = defaultdict(deque)
        self._decoder: Decoder | None = None
        self._take_control(control)
        named = [(decision, self._stamp_of(decision)) for decision in decisions]
        self._take_models(models, {name for _, stamp in named for name in stamp.named})
        for decision, stamp in sorted(named, key=lambda each: each[0].revision):
            self._left[decision.user, decision.event_id].append((decision.revision, self._placed(stamp)))

    def of(self, record: ArchivedRecord) -> Stamp | None:
        """Gives the stamp of an event's record; None where no decision came of it. To be asked once for each record, in their order."""
        event = self._event(record)
        left = self._left.get((event.user, event.id)) if event is not None else None
        if event is None or not left or (left[0][0] == 0) != (event.op == ADD):
            return None
        return left.popleft()[1]

    def snapshot_records(self, name: Name) -> tuple[int, list[tuple[str, bytes]]]:
        """Gives the position at which a snapshot was whole, and its records."""
        return self._snapshots[name]

    def has_release(self, id: int) -> bool:
        """Whether the release was recorded and compiles."""
        return self.releases.get(id) is not None

    def texts(self) -> Iterator[tuple[str, str]]:
        """Gives hash and text of all definitions."""
        return ((hash, self.releases.text(hash) or "") for hash in sorted(self.releases.hashes()))

    def texts_of(self, id: int) -> Iterator[tuple[str, str]]:
        """Gives hash and text of the definitions of a release."""
        record = self.releases.record(id)
        return ((hash, self.releases.text(hash) or "") for hash in (record.parts.values() if record is not None else ()))

    def release_records(self, until: int) -> Iterator[tuple[int, str, bytes]]:
        """Gives id, key and value of the records of all releases up to `until`, in order."""
        return ((id, *self._records[id]) for id in sorted(self._records) if id <= until)

    def _event(self, record: ArchivedRecord) -> Event | None:
        """Decodes an event by any release, since all read id and user alike."""
        if self._decoder is None:
            release = self.releases.newest
            if release is None:
                return None
            self._decoder = Decoder(release.schema)
        try:
            return self._decoder.decode(record.value, record.at_ms)
        except Refusal:
            return None

    def _take_control(self, control: Iterable[ArchivedRecord]) -> None:
        for record in control:
            key = key_text(record.key)
            if not record.value:  # a release that was taken off the topic later was in force all the same
                continue
            try:
                if self.releases.take(key, record.value) and key.startswith(RELEASE_KEY):
                    self._records[int(key.removeprefix(RELEASE_KEY))] = key, record.value
            except (Refusal, ValueError) as error:  # the stages have passed it over, too
                self.unknown.add(f"record {key} of the topic control: {error}")

    def _take_models(self, models: Iterable[ArchivedRecord], named: set[Name]) -> None:
        assembly = SnapshotAssembly()
        for record in models:
            if not record.value:
                continue
            try:
                snapshot = assembly.take(key_text(record.key), record.value)
            except ValueError:  # the stage has refused it, too
                continue
            name = (snapshot.key, snapshot.sequence) if snapshot is not None else None
            if snapshot is not None and name in named and name not in self._snapshots:
                self._snapshots[name] = record.offset + 1, parts_of(snapshot)

    def _stamp_of(self, decision: Recorded) -> Stamp:
        release = self.releases.get(decision.release)
        if release is None:
            self.unknown.add(f"release {decision.release}")
            return Stamp(decision.release, 0)
        definitions = {model.name: model.definition for model in release.models}
        definitions |= {threshold.name: threshold.definition for threshold in release.rules.thresholds}
        scored = {name: each.snapshot for name, each in (decision.models | decision.thresholds).items() if name in definitions}
        named = tuple((snapshot_key(name, definitions[name]), number) for name, number in scored.items() if number is not None)
        return Stamp(decision.release, 0, named, "degraded" in decision.flags)

    def _placed(self, stamp: Stamp) -> Stamp:
        """Adds the moment: the last of the snapshots was whole then, and no newer one that counted."""
        there = tuple(name for name in stamp.named if name in self._snapshots)
        self.unknown.update(f"snapshot {number} of {key}" for key, number in stamp.named if (key, number) not in self._snapshots)
        return stamp._replace(moment=max((self._snapshots[name][0] for name in there), default=0), named=there)
