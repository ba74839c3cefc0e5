"""What an earlier version kept in Cassandra is taken into the relational store as it was."""

import contextlib
import pathlib
from collections.abc import Iterator

import msgspec
import pytest
from click.testing import CliRunner
from databases_of_a_test import database_in

from deploy.command import main
from deploy.local.carrying_over import carry_over_earlier
from foundation.content_hash import content_hash
from foundation.settings import Settings
from stores.audit import Entry, Fact, link, verify
from stores.cassandra.cassandra_earlier import EarlierKeyspaces
from stores.cassandra.cassandra_opening import Place, connected_to
from stores.registry import StoredDefinition, StoredRelease
from stores.relational.audit import RelationalAudit
from stores.relational.definitions import RelationalRegistry
from stores.relational.tokens import RelationalTokens
from stores.tokens import StoredToken, token_hash

KEYSPACE = "earlier"
TABLES = {
    "registry": (
        "CREATE TABLE IF NOT EXISTS {}.definition (hash text, number int, piece blob, PRIMARY KEY (hash, number))",
        "CREATE TABLE IF NOT EXISTS {}.definition_whole (hash text PRIMARY KEY, pieces int)",
        "CREATE TABLE IF NOT EXISTS {}.definition_of_part (part text, hash text, put_by text, at_ms bigint, PRIMARY KEY (part, hash))",
        """CREATE TABLE IF NOT EXISTS {}.release (
            log int, id bigint, parts text, made_by text, at_ms bigint, published boolean, PRIMARY KEY (log, id))
            WITH CLUSTERING ORDER BY (id DESC)""",
    ),
    "access": (
        """CREATE TABLE IF NOT EXISTS {}.api_token (
            name text PRIMARY KEY, hash text, roles text, made_by text, made_at_ms bigint, expires_at_ms bigint, revoked_at_ms bigint)""",
        "CREATE TABLE IF NOT EXISTS {}.token_name (hash text PRIMARY KEY, name text)",
        """CREATE TABLE IF NOT EXISTS {}.audit (
            bucket bigint, number bigint, previous text, said text, hash text, PRIMARY KEY (bucket, number))""",
    ),
}
"""As the version before made them."""
LONG = "é" * 700_000
TOKENS = [
    StoredToken("owner", token_hash("the-owners-token-of-before"), ("admin",), "owner", 1),
    StoredToken("payments", token_hash("the-token-of-payments"), ("system", "reader"), "owner", 2, 1 << 45, 9),
]


@pytest.fixture
def settings(cassandra: Place, tmp_path: pathlib.Path) -> Settings:
    return Settings(store="cassandra", cassandra_port=cassandra.port, cassandra_keyspace=KEYSPACE, folder=str(tmp_path))


@pytest.fixture
def kept(cassandra: Place) -> Iterator[list[Entry]]:
    """Two keyspaces as the version before left them; the entries of their audit log."""
    cluster, session = connected_to(cassandra)
    for name, statements in TABLES.items():
        session.execute(f"DROP KEYSPACE IF EXISTS {KEYSPACE}_{name}", timeout=60)
        replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        session.execute(f"CREATE KEYSPACE {KEYSPACE}_{name} WITH replication = {replication}", timeout=60)
        for statement in statements:
            session.execute(statement.format(f"{KEYSPACE}_{name}"), timeout=60)
    registry, access = f"{KEYSPACE}_registry", f"{KEYSPACE}_access"
    for part, text in {"policy": "score: x\n", "list:bad": LONG, "list:good": ""}.items():
        raw, hash = text.encode(), content_hash(text)
        pieces = [raw[first : first + 262_144] for first in range(0, len(raw), 262_144)]
        for number, piece in enumerate(pieces):
            session.execute(f"INSERT INTO {registry}.definition (hash, number, piece) VALUES (%s, %s, %s)", (hash, number, piece))
        session.execute(f"INSERT INTO {registry}.definition_whole (hash, pieces) VALUES (%s, %s)", (hash, len(pieces)))
        session.execute(f"INSERT INTO {registry}.definition_of_part (part, hash, put_by, at_ms) VALUES (%s, %s, 'zoë', 5)", (part, hash))
    parts = msgspec.json.encode({"policy": content_hash("score: x\n")}).decode()
    for id, published in ((1, True), (7, True), (8, False)):
        columns = "(log, id, parts, made_by, at_ms, published)"
        session.execute(f"INSERT INTO {registry}.release {columns} VALUES (0, %s, %s, 'ann', 3, %s)", (id, parts, published))
    for token in TOKENS:
        row = (token.name, token.hash, " ".join(token.roles), token.by, token.made_at_ms, token.expires_at_ms, token.revoked_at_ms)
        columns = "(name, hash, roles, made_by, made_at_ms, expires_at_ms, revoked_at_ms)"
        session.execute(f"INSERT INTO {access}.api_token {columns} VALUES (%s, %s, %s, %s, %s, %s, %s)", row)
    entries: list[Entry] = []
    for number in range(1, 1_203):
        entries.append(link(number, entries[-1].hash if entries else "0" * 64, Fact(number, "zoë", ("author",), "PUT", "intent")))
        row_of_entry = (number // 1_000, *msgspec.structs.astuple(entries[-1]))
        session.execute(f"INSERT INTO {access}.audit (bucket, number, previous, said, hash) VALUES (%s, %s, %s, %s, %s)", row_of_entry)
    yield entries
    cluster.shutdown()


def test_all_of_it_is_there_as_it_was_and_a_second_time_changes_nothing(
    kept: list[Entry], settings: Settings, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    carry_over_earlier(settings, said.append)
    assert len(said) == 1
    assert "3 definitions, 3 releases, 2 tokens, audit log of 1202 entries" in said[0]
    with contextlib.closing(database_in(tmp_path)) as database:
        registry, audit = RelationalRegistry(database), RelationalAudit(database)
        assert list(audit.walk()) == kept
        assert verify(audit.walk()).head == kept[-1].hash
        assert RelationalTokens(database).all() == TOKENS
        assert [registry.text(content_hash(text)) for text in ("score: x\n", LONG, "")] == ["score: x\n", LONG, ""]
        assert registry.definitions("list:bad", 5) == [StoredDefinition(content_hash(LONG), "list:bad", "zoë", 5)]
        parts = {"policy": content_hash("score: x\n")}
        assert registry.releases(9) == [StoredRelease(id, parts, "ann", 3) for id in (8, 7, 1)]
        assert [release.id for release in registry.pending_publication()] == [8]
    for name in ("store", "cassandra_port", "cassandra_keyspace", "folder"):
        monkeypatch.setenv(f"WEIR_{name.upper()}", str(getattr(settings, name)))
    again = CliRunner().invoke(main, ["database", "carry-over"])
    assert (again.exit_code, again.output) == (0, "there is nothing to carry over, or it was carried over before\n")


def test_a_cluster_in_which_nothing_was_kept_is_asked_once(cassandra: Place, settings: Settings) -> None:
    nothing = msgspec.structs.replace(settings, cassandra_keyspace="never")
    said: list[str] = []
    carry_over_earlier(nothing, said.append)
    carry_over_earlier(msgspec.structs.replace(nothing, cassandra_port=9), said.append)
    assert said == []
    with contextlib.closing(EarlierKeyspaces(msgspec.structs.replace(cassandra, keyspace="never"))) as keyspaces:
        assert not keyspaces.exist
