"""What decides who may do what, and keeps a record of it, opened as the settings say."""

import contextlib
import hashlib
import time
from collections.abc import Iterator

import msgspec

from api.auth.cached_credential import Prover
from api.auth.jwks import Keys
from api.auth.noted import note_once
from api.auth.oidc import OidcProver, read_rules
from api.auth.owner import Owner
from api.auth.token_verifier import TokenProver
from api.kafka.log import Clock
from foundation.refusal import Refusal
from foundation.settings import Settings
from pipeline.sinks.decision_store import cassandra_place
from stores.audit import Audit, Entry, Fact
from stores.cassandra.cassandra_access import access_place
from stores.cassandra.cassandra_audit import CassandraAudit
from stores.cassandra.cassandra_opening import Place
from stores.cassandra.cassandra_tokens import CassandraTokens
from stores.decisions import StoreUnavailableError
from stores.registry import StoredRelease
from stores.sqlite.sqlite_audit import SqliteAudit, walk_file
from stores.sqlite.sqlite_tokens import SqliteTokens
from stores.tokens import Tokens

STORE_SECONDS_MAX = 2.0


class Access(msgspec.Struct):
    """Tokens, the audit log, the owner until it is kept there, and the identity provider where there is one."""

    tokens: Tokens
    audit: Audit
    oidc: OidcProver | None = None
    owner: Owner | None = None

    def provers(self, clock: Clock) -> list[Prover]:
        """In the order in which they are asked."""
        found: list[Prover | None] = [self.oidc, self.owner, TokenProver(self.tokens, clock)]
        return [prover for prover in found if prover is not None]

    def close(self) -> None:
        """Lets the stores go."""
        self.tokens.close()
        self.audit.close()


def open_access(settings: Settings, owner_token: str, clock: Clock) -> Access:
    """Opens the stores and makes `owner_token` that of an admin. Stores that do not answer may do so later, see `Access.owner`.

    Raises:
        Refusal: a setting or a store refuses, or the token is too short or somebody else's.
    """
    tokens, audit = open_tokens(settings), open_audit(settings)
    owner = Owner(tokens, audit, owner_token, clock)
    with contextlib.suppress(StoreUnavailableError):
        owner.keep()
    return Access(tokens, audit, _oidc(settings), owner)


def note_found(audit: Audit, release: StoredRelease) -> None:
    """Writes down a release that no api made: the system's start did, or somebody who may write to the control topic.

    Once, however often it is called with `release`.

    Raises:
        StoreUnavailableError: the log does not answer.
    """
    text = msgspec.json.encode(release.parts)
    digest = hashlib.sha256(text).hexdigest()
    subject = f"release {release.id}, found on the control topic"
    fact = Fact(release.at_ms, release.by, (), "found", "outcome", subject=subject, body_sha256=digest, body_bytes=len(text))
    note_once(audit, fact)


def _oidc(settings: Settings) -> OidcProver | None:
    if not settings.oidc_issuer:
        return None
    return OidcProver(read_rules(settings), Keys(settings.oidc_issuer, settings.oidc_jwks_url, time.monotonic))


def open_tokens(settings: Settings) -> Tokens:
    """The store of tokens; makes its tables where they are missing. A server that does not answer may do so later.

    Raises:
        Refusal: it is of another version.
    """
    if settings.store == "cassandra":
        return CassandraTokens(_place(settings, patient=True))
    return SqliteTokens(settings.path("tokens.db"))


def open_audit(settings: Settings) -> Audit:
    """The audit log; makes its tables where they are missing. A server that does not answer may do so later.

    Raises:
        Refusal: it is of another version.
    """
    return CassandraAudit(_place(settings, patient=True)) if settings.store == "cassandra" else SqliteAudit(settings.path("audit.db"))


def walk_audit(settings: Settings) -> Iterator[Entry]:
    """All entries of the system's log, the oldest first, without writing to it.

    Raises:
        Refusal: there is none, or it cannot be read.
    """
    try:
        if settings.store != "cassandra":
            yield from walk_file(settings.path("audit.db"))
            return
        with contextlib.closing(CassandraAudit(_place(settings), owner=False)) as audit:
            yield from audit.walk()
    except StoreUnavailableError as error:
        raise Refusal("audit log not readable", where=settings.store, expected="all entries", got=str(error)) from error


def _place(settings: Settings, patient: bool = False) -> Place:
    return access_place(cassandra_place(settings, STORE_SECONDS_MAX, patient))
