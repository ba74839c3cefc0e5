"""Puts a configuration folder in force on a running system through its API, which alone gives out the ids of releases."""

from api.auth.token import read_token
from api.client.client import SECONDS_MAX, Client, Release
from api.definitions.definition_shapes import KeptParts
from deploy.machine.system_settings import system_settings
from foundation.settings import Settings

UPLOAD_SECONDS_MAX = 120.0
"""A definition is compiled and tried before it is answered, one upload after the other: on a busy machine that takes long."""


def push(settings: Settings, texts: dict[str, str]) -> Release | KeptParts:
    """Puts `texts`, by part, in force as one release; gives the release in force if it has the same texts already.

    Gives `KeptParts` if the token is that of an author whose definitions wait for an approver.

    Raises:
        Refusal: the API does not answer, does not know the token, or refuses `texts`; then the refusal has the API's own text.
    """
    with api_of(settings, UPLOAD_SECONDS_MAX) as api:
        return api.put(texts)


def activate(settings: Settings, parts: dict[str, str]) -> Release:
    """Puts stored versions, a hash by part, in force as one release.

    Raises:
        Refusal: as for `push`.
    """
    with api_of(settings, UPLOAD_SECONDS_MAX) as api:
        return api.activate_parts(parts)


def api_of(settings: Settings, seconds_max: float = SECONDS_MAX) -> Client:
    """A client of the running system's API with the owner's token; `seconds_max` is the timeout of one call.

    Raises:
        Refusal: there is no token.
    """
    return Client(f"http://{settings.api_address()}", read_token(settings), seconds_max)


def system_api() -> Client:
    """A client of the system that the environment and its folder name, with the owner's token.

    Raises:
        Refusal: there is no token, or a setting is wrong.
    """
    return api_of(system_settings())
