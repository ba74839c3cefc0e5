"""What decides who may do what, and keeps a record of it, opened as the settings say."""

import time
from collections.abc import Iterator

import msgspec

from api.jwks import Keys
from api.log import Clock
from api.oidc import OidcProver, read_rules
from api.token import OWNER, install_owner
from pipeline.settings import Settings
from stores.audit import Audit, Entry, Fact
from stores.sqlite_audit import SqliteAudit, walk_file
from stores.sqlite_tokens import SqliteTokens
from stores.tokens import Tokens


class Access(msgspec.Struct):
    """Tokens, the audit log, and the identity provider where there is one."""

    tokens: Tokens
    audit: Audit
    oidc: OidcProver | None = None

    def close(self) -> None:
        """Lets the stores go."""
        self.tokens.close()
        self.audit.close()


def open_access(settings: Settings, owner_token: str, clock: Clock) -> Access:
    """Opens the stores and makes `owner_token` that of an admin.

    Raises:
        Refusal: a setting or a store refuses, or the token is too short or somebody else's.
    """
    access = Access(SqliteTokens(settings.path("tokens.db")), SqliteAudit(settings.path("audit.db")), _oidc(settings))
    _install(access, owner_token, int(clock() * 1000))
    return access


def _oidc(settings: Settings) -> OidcProver | None:
    if not settings.oidc_issuer:
        return None
    return OidcProver(read_rules(settings), Keys(settings.oidc_issuer, settings.oidc_jwks_url, time.monotonic))


def _install(access: Access, owner_token: str, at_ms: int) -> None:
    """The owner's token comes from outside: that it changed is in the log all the same."""
    if install_owner(access.tokens, owner_token, at_ms):
        access.audit.append(Fact(at_ms, OWNER, ("admin",), "start", "outcome", subject="token owner"))


def walk_audit(settings: Settings) -> Iterator[Entry]:
    """All entries of the system's log, the oldest first, without writing to it.

    Raises:
        Refusal: there is none.
    """
    return walk_file(settings.path("audit.db"))
