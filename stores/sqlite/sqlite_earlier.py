"""The SQLite files in which earlier versions kept definitions, tokens and the audit log, each in its own."""

import contextlib
import pathlib
import sqlite3
from collections.abc import Iterator

import msgspec

from stores.audit import Entry
from stores.decisions import StoreUnavailableError
from stores.earlier import EarlierRelease
from stores.registry import StoredDefinition, StoredRelease
from stores.tokens import StoredToken

SOURCE = "SQLite files"
FILES = ("registry.db", "tokens.db", "audit.db")
Row = tuple[object, ...]


class EarlierFiles:
    """See `stores.earlier.Earlier`: a file that is missing held nothing.

    Args:
        folder: of the system.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder

    @property
    def exist(self) -> bool:
        """Whether one of them is there."""
        return any((self._folder / name).exists() for name in FILES)

    def texts(self) -> Iterator[tuple[str, bytes]]:
        for hash, text in self._rows("registry.db", "definition", "SELECT hash, text FROM definition ORDER BY hash"):
            yield str(hash), str(text).encode()

    def definitions(self) -> list[StoredDefinition]:
        """See `Earlier.definitions`: the first version listed each text as one part only."""
        query = "SELECT hash, part, by, at_ms FROM {} ORDER BY part, hash"
        rows = list(self._rows("registry.db", "definition_of_part", query.format("definition_of_part")))
        rows = rows or list(self._rows("registry.db", "definition", query.format("definition")))
        return [msgspec.convert(dict(zip(StoredDefinition.__struct_fields__, row, strict=True)), StoredDefinition) for row in rows]

    def releases(self) -> list[EarlierRelease]:
        found = self._rows("registry.db", "release", "SELECT id, parts, by, at_ms, published FROM release ORDER BY id")
        return [
            EarlierRelease(
                StoredRelease(_whole(id), msgspec.json.decode(str(parts), type=dict[str, str]), str(by), _whole(at_ms)), bool(published)
            )
            for id, parts, by, at_ms, published in found
        ]

    def tokens(self) -> list[StoredToken]:
        query = "SELECT name, hash, roles, by, made_at_ms, expires_at_ms, revoked_at_ms FROM token ORDER BY name"
        return [
            StoredToken(
                str(name),
                str(hash),
                tuple(str(roles).split()),
                str(by),
                _whole(made),
                *(None if each is None else _whole(each) for each in ends),
            )
            for name, hash, roles, by, made, *ends in self._rows("tokens.db", "token", query)
        ]

    def entries(self) -> Iterator[Entry]:
        for number, previous, said, hash in self._rows(
            "audit.db", "entry", "SELECT number, previous, said, hash FROM entry ORDER BY number"
        ):
            yield Entry(_whole(number), str(previous), str(said), str(hash))

    def _rows(self, file: str, table: str, query: str) -> Iterator[Row]:
        path = self._folder / file
        if not path.exists():
            return
        try:
            with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
                if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
                    yield from connection.execute(query)
        except sqlite3.DatabaseError as error:
            raise StoreUnavailableError(f"SQLite, {path}: {error}") from error


def _whole(value: object) -> int:
    return int(str(value))
