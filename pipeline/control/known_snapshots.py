"""The snapshots of the topic `models` are kept here: of each model and definition the one in force, and those that it replaced."""

import itertools
import logging
from collections.abc import Callable, Iterator
from typing import NamedTuple

from detectors.snapshot import Snapshot
from detectors.snapshot_parts import SnapshotAssembly, named_by
from pipeline.wire.declaration import ANY_SNAPSHOTS

log = logging.getLogger(__name__)

HELD_BYTES_MAX = 1 << 30
"""The maximum size of all snapshots that a stage holds."""


class Held(NamedTuple):
    """A whole snapshot, and the position in the topic from which on it is in force: one past the offset of its last part."""

    since: int
    snapshot: Snapshot


class KnownSnapshots:
    """Holds each whole snapshot for as long as the topic holds its records. Nothing in a record is executed.

    What is in force follows from the records alone and not from their order, since after a restore they come in the order of their keys.

    Args:
        held_bytes_max: the maximum size of all snapshots. Beyond it those go that were replaced, the oldest first, then those that have
            been in force longest. An event that needs one that went is scored by the next one of its definition; without one, the model
            gives it no score.
        wanted: tells by the name of a model or a threshold whether its snapshots are held; others are passed over.
    """

    def __init__(self, held_bytes_max: int = HELD_BYTES_MAX, wanted: Callable[[str], bool] = lambda name: True) -> None:
        self.refused = 0
        """The number of records that could not be used."""
        self._held_bytes_max = held_bytes_max
        self._wanted = wanted
        self._assembly = SnapshotAssembly()
        self._held: dict[str, list[Held]] = {}
        self._whole_records: dict[str, tuple[str, int]] = {}
        self._bytes = 0

    def take(self, key: str, value: bytes | None, position: int = ANY_SNAPSHOTS) -> bool:
        """Takes in one record; the value None deletes the key's record. Returns whether this changed which snapshots there are.

        Args:
            position: one past the record's offset in the topic; `ANY_SNAPSHOTS` where it is not known: then it counts for all events.

        Raises:
            ValueError: the record is no snapshot and no part of one that can be used; this is counted, and what was known stays.
        """
        if not self._wanted(key.partition("/")[0]):
            return False
        if value is None:
            return self._take_away(key)
        before = self._assembly.dropped
        try:
            snapshot = self._assembly.take(key, value)
        except ValueError:
            self.refused += 1
            raise
        finally:
            self._say_dropped(before)
        return snapshot is not None and self._hold(key, Held(position, snapshot))

    def keys(self) -> list[str]:
        """The `Snapshot.key` of all snapshots."""
        return list(self._held)

    def of(self, key: str) -> tuple[Held, ...]:
        """The snapshots with this `Snapshot.key`, by their numbers."""
        return tuple(self._held.get(key, ()))

    def each(self) -> Iterator[Held]:
        """All snapshots."""
        return itertools.chain.from_iterable(self._held.values())

    def _hold(self, record: str, fresh: Held) -> bool:
        key, sequence = fresh.snapshot.key, fresh.snapshot.sequence
        held = self._held.get(key, [])
        if any(each.snapshot.sequence == sequence for each in held):
            return False  # it was published again
        before = self._whole_records.get(record)
        if named_by(record)[1] is None:
            if before is not None and before[0] == key and before[1] > sequence:
                return False
            self._whole_records[record] = key, sequence
        self._held[key] = sorted([*held, fresh], key=lambda each: each.snapshot.sequence)
        self._bytes += fresh.snapshot.size_bytes
        if before is not None:
            self._drop(*before)  # a record of an older version has taken the place of the one before it
        self._keep_within_bound()
        return True

    def _take_away(self, record: str) -> bool:
        self._assembly.take_away(record)
        key, sequence = named_by(record)
        if sequence is None:
            key, sequence = self._whole_records.pop(record, (key, -1))
        return self._drop(key, sequence)

    def _drop(self, key: str, sequence: int) -> bool:
        """Drops a snapshot, if it is there; the next one takes its place in time too, so that no event is left without one."""
        held = self._held.get(key, [])
        place = next((place for place, each in enumerate(held) if each.snapshot.sequence == sequence), -1)
        if place < 0:
            return False
        gone = held.pop(place)
        self._bytes -= gone.snapshot.size_bytes
        if place < len(held) and not place:
            held[0] = held[0]._replace(since=min(gone.since, held[0].since))
        if not held:
            del self._held[key]
        return True

    def _keep_within_bound(self) -> None:
        while self._bytes > self._held_bytes_max and self._bytes:
            replaced = [(each.since, key) for key, held in self._held.items() for each in held[:-1]]
            _, key = min(replaced or [(held[0].since, key) for key, held in self._held.items()])
            sequence = self._held[key][0].snapshot.sequence
            log.error(
                "snapshot %d of %s goes before its time: expected snapshots of at most %d bytes in all, got %d",
                sequence,
                key,
                self._held_bytes_max,
                self._bytes,
            )
            self._drop(key, sequence)

    def _say_dropped(self, before: int) -> None:
        now = self._assembly.dropped
        if now > before:
            log.warning("%d parts of snapshots that never became whole are dropped, %d so far", now - before, now)
