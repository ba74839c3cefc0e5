"""Earlier versions kept definitions, tokens and the audit log in two keyspaces of their own, which are read here."""

from collections.abc import Iterator
from typing import Any

import msgspec
from cassandra import DriverException
from cassandra.cluster import NoHostAvailable, Session
from cassandra.query import SimpleStatement

from stores.audit import Entry
from stores.cassandra.cassandra_opening import Place, connected_to
from stores.decisions import StoreUnavailableError
from stores.earlier import EarlierRelease
from stores.registry import StoredDefinition, StoredRelease
from stores.tokens import StoredToken

PIECES_AT_ONCE = 4
ROWS_AT_ONCE = 500
SECONDS_MAX = 30.0
_REGISTRY, _ACCESS = "_registry", "_access"


class EarlierKeyspaces:
    """Implements `stores.earlier.Earlier`; a keyspace or a table that is missing counts as empty.

    Args:
        place: where the keyspace of the decisions is; the names of the others begin with its name.

    Raises:
        Refusal: no node answers.
    """

    def __init__(self, place: Place) -> None:
        self._keyspace = place.keyspace.lower()
        self._cluster, self._session = connected_to(place)

    @property
    def exist(self) -> bool:
        """Whether at least one of the keyspaces exists."""
        return any(self._keyspace + suffix in self._cluster.metadata.keyspaces for suffix in (_REGISTRY, _ACCESS))

    def texts(self) -> Iterator[tuple[str, bytes]]:
        for (hash,) in list(self._rows(_REGISTRY, "definition_whole", "SELECT hash FROM {}.definition_whole")):
            query = "SELECT piece FROM {}.definition WHERE hash = %s"
            yield hash, b"".join(piece for (piece,) in self._rows(_REGISTRY, "definition", query, hash, page=PIECES_AT_ONCE))

    def definitions(self) -> list[StoredDefinition]:
        found = self._rows(_REGISTRY, "definition_of_part", "SELECT hash, part, put_by, at_ms FROM {}.definition_of_part")
        return [StoredDefinition(*row) for row in found]

    def releases(self) -> list[EarlierRelease]:
        found = self._rows(_REGISTRY, "release", "SELECT id, parts, made_by, at_ms, published FROM {}.release")
        return [
            EarlierRelease(StoredRelease(id, msgspec.json.decode(parts, type=dict[str, str]), by, at_ms), bool(published))
            for id, parts, by, at_ms, published in found
        ]

    def tokens(self) -> list[StoredToken]:
        """See `Earlier.tokens`; a hash that was claimed for a token which was never made has no row here."""
        columns = "name, hash, roles, made_by, made_at_ms, expires_at_ms, revoked_at_ms"
        found = self._rows(_ACCESS, "api_token", f"SELECT {columns} FROM {{}}.api_token")  # noqa: S608 - constants
        return [StoredToken(name, hash, tuple(roles.split()), *rest) for name, hash, roles, *rest in found]

    def entries(self) -> Iterator[Entry]:
        buckets = sorted(bucket for (bucket,) in self._rows(_ACCESS, "audit", "SELECT DISTINCT bucket FROM {}.audit"))
        for bucket in buckets:
            query = "SELECT number, previous, said, hash FROM {}.audit WHERE bucket = %s"
            for row in self._rows(_ACCESS, "audit", query, bucket):
                yield Entry(*row)

    def close(self) -> None:
        """Closes the connection."""
        self._cluster.shutdown()

    def _rows(self, suffix: str, table: str, query: str, *values: object, page: int = ROWS_AT_ONCE) -> Iterator[tuple[Any, ...]]:
        keyspace = self._keyspace + suffix
        found = self._cluster.metadata.keyspaces.get(keyspace)
        if found is None or table not in found.tables:
            return
        session: Session = self._session
        try:
            yield from session.execute(SimpleStatement(query.format(keyspace), fetch_size=page), values, timeout=SECONDS_MAX)
        except (DriverException, NoHostAvailable) as error:
            raise StoreUnavailableError(f"Cassandra: {error}") from error
