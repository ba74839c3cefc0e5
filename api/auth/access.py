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
from stores.audit import Audit, Entry, Fact
from stores.decisions import StoreUnavailableError
from stores.registry import StoredRelease
from stores.relational.audit import RelationalAudit
from stores.relational.database import Database
from stores.relational.place import place_of
from stores.relational.tokens import RelationalTokens
from stores.tokens import Tokens


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


def open_access(database: Database, settings: Settings, owner_token: str, clock: Clock) -> Access:
    """Makes `owner_token` that of an admin, in `database`, which may answer only later, see `Access.owner`.

    Raises:
        Refusal: a setting refuses, or the token is too short or somebody else's.
    """
    tokens, audit = RelationalTokens(database), RelationalAudit(database)
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


def walk_audit(settings: Settings) -> Iterator[Entry]:
    """All entries of the system's log, the oldest first, without writing to it.

    Raises:
        Refusal: there is none, or it cannot be read.
    """
    place = place_of(settings)
    with contextlib.closing(Database(place, owner=False)) as database:
        try:
            yield from RelationalAudit(database).walk()
        except StoreUnavailableError as error:
            raise Refusal("audit log not readable", where=place.where, expected="all entries", got=str(error)) from error
