"""The file that holds profiles of a solo system, with the positions of the logs that they belong to: one transaction writes both."""

import pathlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from features.profiles.codec import Saved
from foundation.refusal import Refusal
from pipeline.engine.profile_store import Kept
from stores.sqlite.many_rows import put_rows, rows_of

VERSION = 1
PAGES_AHEAD_MAX = 4_096
"""What the log of the file holds before it is copied into the file. With 1,000 pages, the default, each checkpoint under load did that."""
STAGES = ("entity", "user")
_TABLES = """
create table if not exists positions (name text primary key, value integer not null) without rowid;
create table if not exists {0}_heads (key blob primary key, head blob not null, written_ms integer not null);
create table if not exists {0}_deadlines (key blob primary key, deadline_ms integer not null) without rowid;
create table if not exists {0}_pages (key blob not null, number integer not null, page blob not null, primary key (key, number));
"""
_INSTEAD_OF_HEADS = "on conflict (key) do update set head = excluded.head, written_ms = excluded.written_ms"
_INSTEAD_OF_PAGES = "on conflict (key, number) do update set page = excluded.page"
"""A row that is there is written over where it stands: `insert or replace` takes it out and puts it in again for half as much more."""

Positions = dict[str, int]


@dataclass(slots=True)
class Changes:
    """What a stage has written since the last checkpoint: heads by key, and pages by key and number, None for a page that is dropped.

    `deadlines` are event times for which keys wait, None for a key that waits no longer.
    """

    heads: dict[bytes, bytes] = field(default_factory=dict)
    pages: dict[bytes, dict[int, bytes | None]] = field(default_factory=dict)
    deadlines: dict[bytes, int | None] = field(default_factory=dict)


class StageState:
    """The state of one stage: what the file holds, under what was written since. It is a `ProfileRows`, for one thread.

    Args:
        connection: to the file, for reading.
        name: of the stage.
    """

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._heads = f"select key, head from {name}_heads where key"  # noqa: S608 - the names are those of `STAGES`
        self._waiting = f"select key, deadline_ms from {name}_deadlines"  # noqa: S608
        self._pages = f"select key, number, page from {name}_pages where key"  # noqa: S608
        self._connection = connection
        self._fresh = Changes()
        self._leaving = Changes()

    def read_profiles(self, keys: Sequence[bytes]) -> list[Kept]:
        """See `ProfileRows.read_profiles`."""
        heads = {key: self._fresh.heads.get(key) or self._leaving.heads.get(key) for key in keys}
        heads.update(rows_of(self._connection, self._heads, [key for key, head in heads.items() if head is None]))
        pages: dict[bytes, dict[int, bytes | None]] = {key: {} for key, head in heads.items() if head is not None}
        for key, number, page in rows_of(self._connection, self._pages, list(pages)):
            pages[key][number] = page
        for key, own in pages.items():
            own |= self._leaving.pages.get(key, {}) | self._fresh.pages.get(key, {})
        return [(heads[key], [(number, page) for number, page in pages.get(key, {}).items() if page is not None]) for key in keys]

    def write_profiles(self, keys: Sequence[bytes], saved: Saved) -> None:
        """See `ProfileRows.write_profiles`."""
        self._fresh.heads.update(zip(keys, saved.heads, strict=True))
        for at, number, page in saved.pages:
            self._fresh.pages.setdefault(keys[at], {})[number] = page
        for at, number in saved.dropped:
            self._fresh.pages.setdefault(keys[at], {})[number] = None

    def read_deadlines(self) -> dict[bytes, int]:
        """See `ProfileRows.read_deadlines`."""
        known = dict(self._connection.execute(self._waiting).fetchall()) | self._leaving.deadlines | self._fresh.deadlines
        return {key: deadline for key, deadline in known.items() if deadline is not None}

    def write_deadlines(self, deadlines_ms: Mapping[bytes, int | None]) -> None:
        """See `ProfileRows.write_deadlines`."""
        self._fresh.deadlines.update(deadlines_ms)

    def leave(self) -> Changes:
        """What was written since the last call, for the file; call `left` once it is there."""
        self._leaving, self._fresh = self._fresh, Changes()
        return self._leaving

    def left(self) -> None:
        """Says that what `leave` gave is in the file."""
        self._leaving = Changes()


class StateFile:
    """The file itself. Any thread may write, one at a time.

    Args:
        path: of the file, which is made if it is missing.

    Raises:
        Refusal: the file is damaged, or is of another version.
    """

    def __init__(self, path: pathlib.Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writing = self._opened()

    def stages(self) -> dict[str, StageState]:
        """A new state of each stage, for the thread that decides."""
        reading = self._opened()
        return {name: StageState(reading, name) for name in STAGES}

    def positions(self) -> Positions:
        """The positions that were written last; nothing before the first."""
        return dict(self._writing.execute("select name, value from positions").fetchall())

    def write(self, changes: dict[str, Changes], positions: Positions) -> None:
        """Writes the changes of each stage together with `positions`, all or nothing.

        Raises:
            sqlite3.Error: the disk takes nothing now; it may be tried again.
        """
        now_ms = int(self._clock() * 1000)
        self._writing.execute("begin immediate")
        try:
            for stage, each in changes.items():
                self._put(stage, each, now_ms)
            self._writing.executemany("insert or replace into positions values (?, ?)", positions.items())
        except BaseException:
            self._writing.rollback()
            raise
        self._writing.execute("commit")

    def forget(self, before_ms: int) -> int:
        """Removes the profiles that were written last before `before_ms`, clock time; gives how many."""
        gone = 0
        for stage in STAGES:
            old = f"select key from {stage}_heads where written_ms < ?"  # noqa: S608
            self._writing.execute("begin immediate")
            self._writing.execute(f"delete from {stage}_pages where key in ({old})", (before_ms,))  # noqa: S608
            gone += self._writing.execute(f"delete from {stage}_heads where written_ms < ?", (before_ms,)).rowcount  # noqa: S608
            self._writing.execute("commit")
        return gone

    def close(self) -> None:
        """Closes the connection that writes."""
        self._writing.close()

    def _put(self, stage: str, changes: Changes, now_ms: int) -> None:
        heads = ((key, head, now_ms) for key, head in sorted(changes.heads.items()))  # a fifth cheaper than in any other order
        put_rows(self._writing, f"insert into {stage}_heads", heads, 3, _INSTEAD_OF_HEADS)
        put_rows(self._writing, f"insert into {stage}_pages", _put_pages(changes), 3, _INSTEAD_OF_PAGES)
        self._writing.executemany(f"delete from {stage}_pages where key = ? and number = ?", _dropped_pages(changes))  # noqa: S608
        waiting = [(key, deadline) for key, deadline in changes.deadlines.items() if deadline is not None]
        over = [(key,) for key, deadline in changes.deadlines.items() if deadline is None]
        self._writing.executemany(f"insert or replace into {stage}_deadlines values (?, ?)", waiting)  # noqa: S608
        self._writing.executemany(f"delete from {stage}_deadlines where key = ?", over)  # noqa: S608

    def _opened(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.execute("pragma cache_size = -16384")
            connection.execute("pragma temp_store = memory")
            connection.execute(f"pragma wal_autocheckpoint = {PAGES_AHEAD_MAX}")
            [version] = connection.execute("pragma user_version").fetchone()
            if version in (0, VERSION):  # a file of an earlier release may lack a table
                for name in STAGES:
                    connection.executescript(_TABLES.format(name))
            if version == 0:
                connection.execute(f"pragma user_version = {VERSION}")
        except sqlite3.DatabaseError as error:
            raise self._refused(str(error)) from error
        if version not in (0, VERSION):
            raise self._refused(f"version {version}")
        return connection

    def _refused(self, got: str) -> Refusal:
        return Refusal(
            "profiles cannot be read",
            where=str(self._path),
            expected=f"a file of version {VERSION}",
            got=got,
            remedy="remove this file and those beside it that begin with its name: the log is then replayed from its beginning",
        )


def _put_pages(changes: Changes) -> Iterator[tuple[bytes, int, bytes]]:
    return ((key, number, page) for key, pages in sorted(changes.pages.items()) for number, page in pages.items() if page is not None)


def _dropped_pages(changes: Changes) -> Iterable[tuple[bytes, int]]:
    return ((key, number) for key, pages in changes.pages.items() for number, page in pages.items() if page is None)
