"""API tokens in Cassandra. What may happen once only is a lightweight transaction on the row of its name."""

from typing import Any

from stores.cassandra.cassandra import Keyspace
from stores.cassandra.cassandra_access import MIGRATIONS
from stores.cassandra.cassandra_opening import Place
from stores.tokens import StoredToken, taken

_COLUMNS = "name, hash, roles, made_by, made_at_ms, expires_at_ms, revoked_at_ms"
_ADD = f"INSERT INTO api_token ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) IF NOT EXISTS"  # noqa: S608
_REPLACE = """UPDATE api_token SET hash = ?, roles = ?, made_by = ?, made_at_ms = ?, expires_at_ms = ?, revoked_at_ms = ?
    WHERE name = ? IF hash = ?"""
_REVOKE = "UPDATE api_token SET revoked_at_ms = ? WHERE name = ? IF hash = ? AND revoked_at_ms = null"
_CLAIM = "INSERT INTO token_name (hash, name) VALUES (?, ?) IF NOT EXISTS"
_BY_NAME = f"SELECT {_COLUMNS} FROM api_token WHERE name = ?"  # noqa: S608
_NAME_OF = "SELECT name FROM token_name WHERE hash = ?"
_ALL = f"SELECT {_COLUMNS} FROM api_token"  # noqa: S608


class CassandraTokens:
    """See `stores.tokens.Tokens`. A hash is claimed before its name, so that no token is found under two names.

    A process that ends between the two leaves a hash without a token, which nobody was shown.

    Args:
        place: the keyspace.
        owner: makes the tables where they are missing.

    Raises:
        Refusal: no node answers and `place` is not patient, or the tables are of another version.
    """

    def __init__(self, place: Place, owner: bool = True) -> None:
        self._keyspace = Keyspace(place, MIGRATIONS, owner, (_ADD, _REPLACE, _REVOKE, _CLAIM, _BY_NAME, _NAME_OF, _ALL))

    def add(self, token: StoredToken) -> bool:
        if self.by_name(token.name) is not None or self._claim(token) != token.name:
            return False
        return self._keyspace.change(_ADD, *_row(token))

    def replace(self, token: StoredToken) -> None:
        holder = self._claim(token)
        if holder != token.name:
            raise taken(token.name, holder)
        while not self._keyspace.change(_ADD, *_row(token)):
            before = self.by_name(token.name)
            if before is not None and self._keyspace.change(_REPLACE, *_row(token)[1:], token.name, before.hash):
                return

    def by_hash(self, hash: str) -> StoredToken | None:
        names = list(self._keyspace.rows(_NAME_OF, hash))
        token = self.by_name(names[0][0]) if names else None
        return token if token is not None and token.hash == hash else None

    def by_name(self, name: str) -> StoredToken | None:
        return next(map(_token, self._keyspace.rows(_BY_NAME, name)), None)

    def all(self) -> list[StoredToken]:
        return sorted(map(_token, self._keyspace.rows(_ALL)), key=lambda token: token.name)

    def revoke(self, name: str, at_ms: int) -> StoredToken | None:
        token = self.by_name(name)
        while token is not None and token.revoked_at_ms is None:
            self._keyspace.change(_REVOKE, at_ms, name, token.hash)
            token = self.by_name(name)
        return token

    def close(self) -> None:
        self._keyspace.close()

    def _claim(self, token: StoredToken) -> str:
        """The name that has the hash of `token` from now on."""
        if self._keyspace.change(_CLAIM, token.hash, token.name):
            return token.name
        return next((str(name) for (name,) in self._keyspace.rows(_NAME_OF, token.hash)), token.name)


def _row(token: StoredToken) -> tuple[object, ...]:
    return (token.name, token.hash, " ".join(token.roles), token.by, token.made_at_ms, token.expires_at_ms, token.revoked_at_ms)


def _token(row: tuple[Any, ...]) -> StoredToken:
    name, hash, roles, *rest = row
    return StoredToken(name, hash, tuple(roles.split()), *rest)
