"""Where a Cassandra cluster keeps API tokens and the audit log: a keyspace of its own, so that other rights and copies can be given to it.

Tables: ``api_token`` by name and ``token_name`` by hash; ``audit`` with the entries of one bucket a partition.
"""

import msgspec

from stores.cassandra.cassandra_opening import Place

MIGRATIONS = (
    (
        """CREATE TABLE IF NOT EXISTS api_token (
            name text PRIMARY KEY, hash text, roles text, made_by text, made_at_ms bigint, expires_at_ms bigint, revoked_at_ms bigint)""",
        "CREATE TABLE IF NOT EXISTS token_name (hash text PRIMARY KEY, name text)",
        """CREATE TABLE IF NOT EXISTS audit (
            bucket bigint, number bigint, previous text, said text, hash text, PRIMARY KEY (bucket, number))""",
    ),
)
_SUFFIX = "_access"


def access_place(place: Place) -> Place:
    """The keyspace beside that of `place`, whose name ends with ``_access``."""
    return msgspec.structs.replace(place, keyspace=place.keyspace + _SUFFIX)
