"""The owner's token: it is read or made, and stored like all others, as a hash, under the name `OWNER`."""

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
    """Stores `token` as the owner's, with the role admin, in place of the owner's earlier token; gives whether anything changed.

    A token that was revoked stays revoked: the owner then needs another token.

    Raises:
        Refusal: the token is shorter than 16 characters, or is another caller's.
    """
    require_length(token)
    if is_owners(tokens, token):
        return False
    tokens.replace(StoredToken(OWNER, token_hash(token), ("admin",), OWNER, at_ms))
    return True


def require_length(token: str) -> None:
    """Checks that `token` has at least 16 characters.

    Raises:
        Refusal: it is shorter.
    """
    if len(token) < LENGTH_MIN:
        raise Refusal("token too short", where="token", expected=f"at least {LENGTH_MIN} characters", got=f"{len(token)} characters")


def is_owners(tokens: Tokens, token: str) -> bool:
    """Whether `token` is stored as the owner's, revoked or not."""
    known = tokens.by_name(OWNER)
    return known is not None and known.hash == token_hash(token)


def find_token(settings: Settings, environment: Mapping[str, str] | None = None) -> str:
    """Reads the owner's token like `read_token`, and makes a token file with a random token when there is none.

    Raises:
        Refusal: the file can be neither read nor made.
    """
    file = token_file(settings)
    if _given(environment) or file.exists():
        return read_token(settings, environment)
    try:
        return _made(file)
    except (OSError, UnicodeDecodeError) as error:
        expected = "a folder in which a token file can be made"
        raise Refusal("the token file cannot be written", where=str(file), expected=expected, got=str(error)) from error


def token_made_now(settings: Settings, environment: Mapping[str, str] | None = None) -> str:
    """Calls `find_token` and gives the token if this call made it, and '' if it was there before.

    Raises:
        Refusal: as for `find_token`.
    """
    known = bool(_given(environment)) or token_file(settings).exists()
    token = find_token(settings, environment)
    return "" if known else token


def read_token(settings: Settings, environment: Mapping[str, str] | None = None) -> str:
    """The owner's token: that of the variable ``WEIR_TOKEN`` if it is set, and otherwise that in the token file.

    Raises:
        Refusal: the file is missing or cannot be read.
    """
    file = token_file(settings)
    try:
        return _given(environment) or file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        remedy = f"weir up makes it at its first start; else set {TOKEN_VARIABLE} to the token, or WEIR_FOLDER to the system's folder"
        raise Refusal("the token cannot be read", where=str(file), expected="a file with a token", got=str(error), remedy=remedy) from error


def token_file(settings: Settings) -> pathlib.Path:
    """The path of the token file, which is read when ``WEIR_TOKEN`` is not set."""
    return pathlib.Path(settings.token_file) if settings.token_file else settings.path("token")


def _given(environment: Mapping[str, str] | None) -> str:
    return (os.environ if environment is None else environment).get(TOKEN_VARIABLE, "")


def _made(file: pathlib.Path) -> str:
    """Makes a file with a random token that only its owner can read; when two processes try at once, both get the first one's token."""
    file.parent.mkdir(parents=True, exist_ok=True)
    token = new_token()
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    with os.fdopen(handle, "w") as out:
        out.write(token + "\n")
    return token
