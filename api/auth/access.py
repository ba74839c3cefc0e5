"""Opens the stores behind access control, as the settings say: the tokens, the audit log and the identity provider."""

import contextlib
import hashlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from api.auth.cached_credential import TokenVerifier
from api.auth.noted import note_once
from api.auth.owner import Owner
from api.auth.sessions import SessionKeeper, SessionVerifier
from api.auth.token_verifier import StoredTokenVerifier
from api.kafka.log import Clock
from foundation.refusal import Refusal
from foundation.settings import Settings
from stores.audit import Audit, Entry, Fact
from stores.decisions import StoreUnavailableError
from stores.registry import StoredRelease
from stores.relational.audit import RelationalAudit
from stores.relational.database import Database
from stores.relational.place import place_of
from stores.relational.sessions import RelationalSessions
from stores.relational.tokens import RelationalTokens
from stores.sessions import Sessions
from stores.tokens import Tokens

if TYPE_CHECKING:
    from api.auth.provider.oidc import OidcVerifier
    from api.auth.provider.provider_sign_in import ProviderSignIn


class Access(msgspec.Struct):
    """The stores and verifiers behind access control.

    Args:
        tokens: the store of API tokens.
        audit: the audit log.
        sessions: the store of sessions of the console.
        oidc: verifies JWTs; None without an identity provider.
        owner: verifies the owner's token until the store has it.
    """

    tokens: Tokens
    audit: Audit
    sessions: Sessions
    oidc: "OidcVerifier | None" = None
    owner: Owner | None = None

    def keeper(self, settings: Settings, clock: Clock) -> SessionKeeper:
        """Begins, verifies and ends sessions."""
        return SessionKeeper(self.sessions, self.tokens, settings.session_idle_minutes_max, settings.session_hours_max, clock)

    def provider_sign_in(self, settings: Settings, clock: Clock) -> "ProviderSignIn | None":
        """Signs people in at the identity provider; None without one, or where it does not know the console.

        Raises:
            Refusal: the secret of the client cannot be read.
        """
        if self.oidc is None or not settings.oidc_client_id:
            return None
        from api.auth.provider.provider_sign_in import ProviderSignIn  # see `_oidc`

        return ProviderSignIn(settings, self.oidc, self.sessions, clock)

    def verifiers(self, keeper: SessionKeeper, clock: Clock) -> list[TokenVerifier]:
        """All verifiers of credentials, in the order in which the authenticator asks them."""
        found: list[TokenVerifier | None] = [self.oidc, self.owner, SessionVerifier(keeper), StoredTokenVerifier(self.tokens, clock)]
        return [verifier for verifier in found if verifier is not None]


def open_access(database: Database, settings: Settings, owner_token: str, clock: Clock) -> Access:
    """Opens access control and stores `owner_token` in `database` as the token of the owner, who is an admin.

    If the database is down, `Access.owner` stores the token once it is up.

    Raises:
        Refusal: a setting is wrong, or the owner's token is too short or is another caller's.
    """
    tokens, audit = RelationalTokens(database), RelationalAudit(database)
    owner = Owner(tokens, audit, owner_token, clock)
    with contextlib.suppress(StoreUnavailableError):
        owner.keep()
    return Access(tokens, audit, RelationalSessions(database), _oidc(settings), owner)


def note_found(audit: Audit, release: StoredRelease) -> None:
    """Writes an entry for a release that was found on the control topic and that no API process published.

    The start of the system published it, or somebody with access to the topic. The entry is written once, however often this is called
    with the same `release`.

    Raises:
        StoreUnavailableError: the audit log does not answer.
    """
    text = msgspec.json.encode(release.parts)
    digest = hashlib.sha256(text).hexdigest()
    subject = f"release {release.id}, found on the control topic"
    fact = Fact(release.at_ms, release.by, (), "found", "outcome", subject=subject, body_sha256=digest, body_bytes=len(text))
    note_once(audit, fact)


def _oidc(settings: Settings) -> "OidcVerifier | None":
    if not settings.oidc_issuer:
        return None
    from api.auth.provider.jwks import Keys  # with it comes a library of cryptography of 10 MB, which only an identity provider needs
    from api.auth.provider.oidc import OidcVerifier, read_rules

    return OidcVerifier(read_rules(settings), Keys(settings.oidc_issuer, settings.oidc_jwks_url, time.monotonic))


def walk_audit(settings: Settings) -> Iterator[Entry]:
    """Yields all entries of the audit log, the oldest first, and writes nothing.

    Raises:
        Refusal: there is no log, or it cannot be read.
    """
    place = place_of(settings)
    with contextlib.closing(Database(place, owner=False)) as database:
        try:
            yield from RelationalAudit(database).walk()
        except StoreUnavailableError as error:
            expected = "a store that gives all entries of the audit log"
            raise Refusal("the audit log cannot be read", where=place.where, expected=expected, got=str(error)) from error
