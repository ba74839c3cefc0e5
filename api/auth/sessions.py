"""Sessions of people at the console: begun by a sign-in, rotated while they are used, and verified like any other credential."""

import secrets

import msgspec

from api.auth.bounded_lookups import BoundedLookups
from api.auth.cached_credential import Credential, Rejected
from api.auth.permissions import Caller, caller
from api.auth.token_verifier import require_valid
from api.kafka.log import Clock
from stores.sessions import Session, Sessions, Ticket
from stores.tokens import Tokens, token_hash

SECRET_MARK = "weir-session-"  # noqa: S105 - what a session's secret begins with, so that one that leaked is recognised
ROTATE_MS = 900_000
"""A page that is opened with a secret older than this gets another one."""
EARLIER_MS_MAX = 60_000
"""So long the secret before a rotation opens the session too: other requests of the same browser are on their way with it."""
LINK_MS = 600_000
"""How long a link signs its caller in."""
MINUTE_MS = 60_000


class LinkContent(msgspec.Struct, frozen=True):
    """Who a link signs in, and by which API token; `token_hash` is '' for callers of an identity provider."""

    name: str
    roles: tuple[str, ...]
    token_hash: str


class SignedIn(msgspec.Struct, frozen=True):
    """A session that has begun or was rotated, with its secret, which is stored nowhere."""

    session: Session
    secret: str


class SessionKeeper:
    """Begins, verifies, rotates and ends sessions. All calls but `verify` wait for the store.

    Args:
        sessions: the store of sessions.
        tokens: the store of the tokens that sessions rest on.
        idle_minutes_max: a session ends when its caller has opened no page for so long.
        hours_max: a session ends so long after it began.
        clock: seconds since the epoch.
    """

    def __init__(self, sessions: Sessions, tokens: Tokens, idle_minutes_max: int, hours_max: int, clock: Clock) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._idle_ms = idle_minutes_max * MINUTE_MS
        self._life_ms = hours_max * 60 * MINUTE_MS
        self._clock = clock

    def begin(self, content: LinkContent) -> SignedIn:
        """Begins a session of a caller who has shown who they are.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        now_ms, secret = self._now_ms(), _new_secret()
        session = Session(
            secrets.token_hex(16), token_hash(secret), "", content.name, content.roles, content.token_hash, now_ms, now_ms, now_ms,
            now_ms + self._life_ms,
        )  # fmt: skip
        self._sessions.add(session)
        return SignedIn(session, secret)

    def by_token(self, token: str) -> LinkContent:
        """Who an API token belongs to.

        Raises:
            Rejected: it is not valid.
            StoreUnavailableError: the store does not answer.
        """
        stored = require_valid(self._tokens.by_hash(token_hash(token)), self._clock())
        return LinkContent(stored.name, stored.roles, stored.hash)

    def make_link(self, of: Caller) -> str:
        """The secret of a link that signs in the caller `of` once, within `LINK_MS`.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        token, now_ms = self._tokens.by_name(of.name), self._now_ms()
        content = LinkContent(of.name, of.roles, token.hash if token else "")
        secret = secrets.token_urlsafe(32)
        self._sessions.add_ticket(Ticket(token_hash(secret), "link", msgspec.json.encode(content).decode(), now_ms + LINK_MS), now_ms)
        return secret

    def take_link(self, secret: str) -> LinkContent:
        """Who a link signs in; it is used up then.

        Raises:
            Rejected: it was used, has expired, or never was one.
            StoreUnavailableError: the store does not answer.
        """
        ticket = self._sessions.take_ticket(token_hash(secret))
        if ticket is None or ticket.purpose != "link" or ticket.expires_at_ms <= self._now_ms():
            raise Rejected("link")
        return msgspec.json.decode(ticket.content, type=LinkContent)

    def look(self, secret: str) -> tuple[Session, tuple[str, ...]]:
        """The session that `secret` opens now, and what its caller may do now.

        Raises:
            Rejected: it opens none, or the session or the token that it rests on has ended.
            StoreUnavailableError: the store does not answer.
        """
        hash, now_ms = token_hash(secret), self._now_ms()
        session = self._sessions.by_hash(hash)
        if session is None or (hash != session.hash and now_ms - session.rotated_at_ms > EARLIER_MS_MAX):
            raise Rejected("unknown")
        if self.ends_at_ms(session) <= now_ms:
            raise Rejected("expired")
        if not session.token_hash:
            return session, session.roles
        return session, require_valid(self._tokens.by_hash(session.token_hash), self._clock()).roles

    def ends_at_ms(self, session: Session) -> int:
        """When a session ends unless it is used, ms since the epoch."""
        return min(session.expires_at_ms, session.used_at_ms + self._idle_ms)

    def used(self, secret: str) -> str:
        """Notes that a page was opened; the new secret if the session was rotated, else ''.

        Raises:
            Rejected: as for `look`.
            StoreUnavailableError: the store does not answer.
        """
        session, _ = self.look(secret)
        hash, now_ms = token_hash(secret), self._now_ms()
        if hash == session.hash and now_ms - session.rotated_at_ms > ROTATE_MS:
            new = _new_secret()
            return new if self._sessions.rotate(session.id, hash, token_hash(new), now_ms) else ""
        if now_ms - session.used_at_ms > MINUTE_MS:
            self._sessions.use(session.id, now_ms)
        return ""

    def end(self, secret: str) -> Session | None:
        """Ends the session that `secret` opens, and returns it; None if there is none.

        Raises:
            StoreUnavailableError: the store does not answer.
        """
        session = self._sessions.by_hash(token_hash(secret))
        if session is not None:
            self._sessions.end(session.id)
        return session

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


class SessionVerifier:
    """Verifies the secrets of sessions; see `api.auth.cached_credential.TokenVerifier`."""

    def __init__(self, keeper: SessionKeeper) -> None:
        self._keeper = keeper
        self._lookups = BoundedLookups("sessions")

    def takes(self, token: str) -> bool:
        return token.startswith(SECRET_MARK)

    async def verify(self, token: str) -> Credential:
        session, roles = await self._lookups.ask(lambda: self._keeper.look(token))
        return Credential(caller(session.name, roles), session.id, self._keeper.ends_at_ms(session) / 1000, may_be_revoked=True)

    async def close(self) -> None:
        self._lookups.close()


def _new_secret() -> str:
    return SECRET_MARK + secrets.token_urlsafe(32)
