"""The bearer token: found or made, and compared in constant time."""

import hmac
import os
import pathlib
import secrets
from collections.abc import Mapping

from features.refusal import Refusal
from pipeline.settings import Settings

TOKEN_VARIABLE = "WEIR_TOKEN"  # noqa: S105 - the variable's name
LENGTH_MIN = 16


class Guard:
    """Lets callers in that know the token. Its text is in no log and no message.

    Args:
        token: at least 16 characters.
    """

    def __init__(self, token: str) -> None:
        if len(token) < LENGTH_MIN:
            raise Refusal("token too short", where="token", expected=f"at least {LENGTH_MIN} characters", got=f"{len(token)} characters")
        self._expected = b"Bearer " + token.encode()

    def allows(self, authorization: bytes | None) -> bool:
        """True when the header `authorization` carries the token; the time taken tells nothing about it."""
        scheme, _, credentials = (authorization or b"").partition(b" ")
        given = b"Bearer " + credentials.strip() if scheme.lower() == b"bearer" else b""
        return hmac.compare_digest(given, self._expected)


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
    token = secrets.token_urlsafe(32)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    with os.fdopen(handle, "w") as out:
        out.write(token + "\n")
    return token
