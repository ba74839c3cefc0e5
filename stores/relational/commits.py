"""Tells within microseconds whether anybody has committed to the relational store: a query would take a thread and a millisecond."""

import contextlib
import sqlite3

from stores.relational.place import DatabasePlace, SqlitePlace


class Commits:
    """Counts the commits of everybody to a SQLite file, of this process and of others, by a connection of its own.

    SQLite gives each connection a number that changes when another one has committed (`PRAGMA data_version`). One thread at a time may
    ask for it.

    Args:
        place: where the store is; of a server nothing is known.
    """

    def __init__(self, place: DatabasePlace) -> None:
        self._place = place
        self._connection: sqlite3.Connection | None = None

    def number(self) -> int | None:
        """Returns a number that is another one once somebody has committed; None where that is not known."""
        if not isinstance(self._place, SqlitePlace):
            return None
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(f"{self._place.path.as_uri()}?mode=rw", timeout=0, uri=True, check_same_thread=False)
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:  # whoever asks then looks into the store, which says what it lacks
            self.close()
            return None

    def close(self) -> None:
        """Closes the connection; the next call opens another one."""
        with contextlib.suppress(sqlite3.Error):
            if self._connection is not None:
                self._connection.close()
        self._connection = None
