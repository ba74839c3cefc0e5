"""Signs people in at an identity provider: OAuth's authorisation code with PKCE (RFC 6749, 7636), as OpenID Connect has it.

The provider gives an access token, which is verified as that of any caller of the API: so a person has the same name and the same roles
in the console as at the API, and no rule is written twice. The token itself is thrown away.
"""

import asyncio
import base64
import hashlib
import pathlib
import secrets
from urllib.parse import urlencode, urlsplit

import httpx
import msgspec

from api.auth.cached_credential import Rejected, VerifierUnavailableError
from api.auth.provider.jwks import FETCH_SECONDS_MAX, LOCAL, require_private
from api.auth.provider.oidc import OidcVerifier
from api.auth.provider.provider_documents import configuration_of, fetch_json
from api.auth.sessions import LinkContent
from api.http.problem import Problem
from api.http.problem_types import VERIFIER_AWAY
from api.kafka.log import Clock
from foundation.refusal import Refusal
from foundation.settings import Settings
from stores.sessions import Sessions, Ticket
from stores.tokens import token_hash

BEGUN_SECONDS_MAX = 600
ANSWER_PATH = "/sign-in/answer"


class Begun(msgspec.Struct, frozen=True):
    """What is kept of a sign-in that has begun: the verifier of its challenge, and the page that was asked for."""

    verifier: str
    back: str


class ProviderSignIn:
    """Leads a browser to the provider, and takes what it brings back.

    Args:
        settings: issuer, client and address of the console.
        verifier: of access tokens.
        sessions: keeps what has begun.
        clock: seconds since the epoch.

    Raises:
        Refusal: the client's secret cannot be read.
    """

    def __init__(self, settings: Settings, verifier: OidcVerifier, sessions: Sessions, clock: Clock) -> None:
        self._issuer = settings.oidc_issuer
        self._client_id = settings.oidc_client_id
        self._secret = _secret_of(settings.oidc_client_secret_file)
        self._scopes = settings.oidc_scopes
        self._answers_to = settings.console_address() + ANSWER_PATH
        self._verifier = verifier
        self._sessions = sessions
        self._clock = clock

    async def begin(self, back: str) -> tuple[str, str]:
        """Where the browser goes, and the state that it has to bring back, also in a cookie.

        Raises:
            Problem: 503, the provider does not answer.
            StoreUnavailableError: the store does not answer.
        """
        state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        place = await self._place("authorization_endpoint")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._answers_to,
            "scope": self._scopes,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        await asyncio.to_thread(self._keep, state, Begun(verifier, back))
        return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}", state

    async def end(self, state: str, code: str) -> tuple[LinkContent, str]:
        """Who has signed in, and the page that they asked for.

        Raises:
            Rejected: the sign-in was not begun here, took too long, or the provider's token is not valid.
            Problem: 503, the provider does not answer.
            StoreUnavailableError: the store does not answer.
        """
        ticket = await asyncio.to_thread(self._sessions.take_ticket, token_hash(state))
        if ticket is None or ticket.purpose != "provider" or ticket.expires_at_ms <= self._clock() * 1000:
            raise Rejected("state")
        begun = msgspec.json.decode(ticket.content, type=Begun)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._answers_to,
            "client_id": self._client_id,
            "code_verifier": begun.verifier,
        }
        try:
            place = await self._place("token_endpoint")
            async with self._client() as client:
                given = await fetch_json(client, place, form | self._secret)
        except httpx.HTTPStatusError as error:
            if error.response.status_code < 500:
                raise Rejected("code") from error
            raise _away(error) from error
        except (httpx.HTTPError, ValueError) as error:
            raise _away(error) from error
        try:
            credential = await self._verifier.verify(str(given.get("access_token", "")))
        except VerifierUnavailableError as error:
            raise _away(error) from error
        return LinkContent(credential.caller.name, credential.caller.roles, ""), begun.back

    def _client(self) -> httpx.AsyncClient:
        """Connections for one sign-in, which is rare. A provider on this machine is reached without the proxy of the environment."""
        return httpx.AsyncClient(timeout=FETCH_SECONDS_MAX, trust_env=urlsplit(self._issuer).hostname not in LOCAL)

    def _keep(self, state: str, begun: Begun) -> None:
        now_ms = int(self._clock() * 1000)
        content = msgspec.json.encode(begun).decode()
        self._sessions.add_ticket(Ticket(token_hash(state), "provider", content, now_ms + BEGUN_SECONDS_MAX * 1000), now_ms)

    async def _place(self, name: str) -> str:
        try:
            async with self._client() as client:
                return require_private(str((await configuration_of(client, self._issuer)).get(name)))
        except (httpx.HTTPError, ValueError, Refusal) as error:
            raise _away(error) from error


def _secret_of(file: str) -> dict[str, str]:
    if not file:
        return {}
    try:
        return {"client_secret": pathlib.Path(file).read_text().strip()}
    except OSError as error:
        expected = "a file with the secret of the client"
        raise Refusal("no client secret", where="WEIR_OIDC_CLIENT_SECRET_FILE", expected=expected, got=str(error.strerror)) from error


def _away(error: Exception) -> Problem:
    text = f"the identity provider does not answer: {str(error)[:200] or type(error).__name__}"
    return Problem(503, text, [(b"retry-after", b"3")], type=VERIFIER_AWAY)
