"""The owner's token: found or made, and kept like all others, as a hash, under the name `OWNER`."""

import os
import pathlib
from collections.abc import Mapping

from foundation.refusal import Refusal
from foundation.settings import Settings
from stores.tokens import StoredToken, Tokens, new_token, token_hash

TOKEN_VARIABLE = "WEIR_TOKEN"  # noqa: S105 - the variable's name
LENGTH_MIN = 16
OWNER = "owner"


def install_owner(tokens: Tokens, token: str, at_ms: int) -> bool:
    """Makes `token` the owner's, an admin, in place of the owner's before; whether that changed anything.

    One that was revoked stays revoked: only another token mends that.

    Raises:
        Refusal: it is shorter than 16 characters, or somebody else's.
    """
    require_length(token)
    if is_owners(tokens, token):
        return False
    tokens.replace(StoredToken(OWNER, token_hash(token), ("admin",), OWNER, at_ms))
    return True


def require_length(token: str) -> None:
    """Lets `token` pass unless it is shorter than 16 characters.

    Raises:
        Refusal: it is.
    """
    if len(token) < LENGTH_MIN:
        raise Refusal("token too short", where="token", expected=f"at least {LENGTH_MIN} characters", got=f"{len(token)} characters")


def is_owners(tokens: Tokens, token: str) -> bool:
    """Whether `token` is kept as the owner's, revoked or not."""
    known = tokens.by_name(OWNER)
    return known is not None and known.hash == token_hash(token)


def find_token(settings: Settings, environment: Mapping[str, str] | None = None) -> str:
    """As `read_token`; a token file that is missing is made with a random token.

    Raises:
        Refusal: the file can be neither read nor made.
    """
    file = token_file(settings)
    if _given(environment) or file.exists():
        return read_token(settings, environment)
    try:
        return _made(file)
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal("token not writable", where=str(file), expected="a folder to make a token file in", got=str(error)) from error


def token_made_now(settings: Settings, environment: Mapping[str, str] | None = None) -> str:
    """As `find_token`; gives the token when this call made it, and '' when there was one.

    Raises:
        Refusal: as `find_token`.
    """
    known = bool(_given(environment)) or token_file(settings).exists()
    token = find_token(settings, environment)
    return "" if known else token


def read_token(settings: Settings, environment: Mapping[str, str] | None = None) -> str:
    """The token of ``WEIR_TOKEN``, else of the token file.

    Raises:
        Refusal: the file is missing or cannot be read.
    """
    file = token_file(settings)
    try:
        return _given(environment) or file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        remedy = f"weir up makes it at its first start; {TOKEN_VARIABLE} gives the token itself, WEIR_FOLDER the system's folder"
        raise Refusal("token not readable", where=str(file), expected="a file with a token", got=str(error), remedy=remedy) from error


def token_file(settings: Settings) -> pathlib.Path:
    """Where the token is kept when ``WEIR_TOKEN`` does not give it."""
    return pathlib.Path(settings.token_file) if settings.token_file else settings.path("token")


def _given(environment: Mapping[str, str] | None) -> str:
    return (os.environ if environment is None else environment).get(TOKEN_VARIABLE, "")


def _made(file: pathlib.Path) -> str:
    """Writes a random token that only the owner can read; the first of two processes that try at once wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    token = new_token()
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    with os.fdopen(handle, "w") as out:
        out.write(token + "\n")
    return token
