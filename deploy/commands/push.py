"""A configuration folder put in force on a running system, by its api: that alone gives out the ids of releases."""

from api.auth.token import read_token
from api.client.client import Client, Release
from api.http.responses import KeptParts
from foundation.settings import Settings


def push(settings: Settings, texts: dict[str, str]) -> Release | KeptParts:
    """Puts `texts`, by part, in force as one release; gives the one in force when it says the same already.

    Gives `KeptParts` where the token is that of an author whose definitions wait for an approver.

    Raises:
        Refusal: the api does not answer, does not know the token, or refuses `texts`: then with its own words.
    """
    with api_of(settings) as api:
        return api.put(texts)


def activate(settings: Settings, parts: dict[str, str]) -> Release:
    """Puts stored versions, a hash by part, in force as one release.

    Raises:
        Refusal: as `push`.
    """
    with api_of(settings) as api:
        return api.activate_parts(parts)


def api_of(settings: Settings) -> Client:
    """The api of the running system, for whoever has its token.

    Raises:
        Refusal: there is no token.
    """
    return Client(f"http://{settings.api_address()}", read_token(settings))
