"""Snapshots whose models are still being rebuilt: until they are there, events are stamped as if the topic had not been read so far."""

from collections import deque
from collections.abc import Callable, Collection

from detectors.snapshot_parts import SnapshotAssembly
from pipeline.control.rebuilding import Rebuilding, rebuilding, takes_long


class SnapshotsToCome:
    """Has the models of snapshots rebuilt, and says how far the topic counts as read meanwhile.

    Args:
        wanted: returns the names of the models whose snapshots are looked at; others are passed over.
    """

    def __init__(self, wanted: Callable[[], Collection[str]]) -> None:
        self._wanted = wanted
        self._assembly = SnapshotAssembly()
        self._coming: deque[tuple[int, Rebuilding]] = deque()
        self._newest: dict[str, Rebuilding] = {}
        """By model and definition: it is kept until the stage that scores with it has asked for it."""

    def take(self, key: str, value: bytes | None, position: int) -> bool:
        """Takes in one record of the topic `models`; returns false, for nothing that is in force has changed.

        Raises:
            ValueError: the record is no snapshot and no part of one that can be used.
        """
        wanted = self._wanted()
        if key.partition("/")[0] not in wanted:
            return False
        if value is None:
            self._assembly.take_away(key)
            return False
        snapshot = self._assembly.take(key, value)
        if snapshot is not None and takes_long(snapshot):
            begun = rebuilding(snapshot)
            self._coming.append((position, begun))
            self._newest = {each: model for each, model in self._newest.items() if each.partition("/")[0] in wanted} | {snapshot.key: begun}
        return False

    @property
    def are_there(self) -> bool:
        """Whether no snapshot that was taken in is still to come."""
        while self._coming and self._coming[0][1].done():
            self._coming.popleft()
        return not self._coming

    def read_until(self, position: int) -> int:
        """Returns how far the topic counts as read where it has been read up to `position`: not beyond a snapshot that is still to come."""
        return position if self.are_there else min(position, self._coming[0][0] - 1)
