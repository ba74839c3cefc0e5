"""Entries of lists as they were recorded, for stages that decide a run again."""

from collections.abc import Iterable, Sequence

from patterns.entries import Change, read_record


class EntriesSoFar:
    """Gives the stage that decides the entries of lists that stand before the events that it is given next."""

    def __init__(self) -> None:
        self._waiting: list[Change] = []

    def add(self, records: Iterable[tuple[bytes, bytes | None, int]]) -> None:
        """Adds records of the topic ``entries``: their keys, values (None for a tombstone) and offsets."""
        changes = (read_record(*record).change for record in records)
        self._waiting += [change for change in changes if change is not None]

    def start(self) -> None:
        """Does nothing: all entries come by `add`."""

    def take(self) -> Sequence[Change]:
        """Returns what was added since the last call."""
        taken, self._waiting = self._waiting, []
        return taken
