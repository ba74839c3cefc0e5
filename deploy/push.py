"""A configuration folder put in force on a running system, by its api: that alone gives out the ids of releases."""

import httpx
import msgspec

from api.definitions import Published
from api.token import read_token
from features.refusal import Refusal
from pipeline.settings import Settings

SECONDS_MAX = 30.0


class Told(msgspec.Struct):
    """What is read of the api's problem (RFC 9457); the parts are those of a `Refusal`, where it is about the texts."""

    detail: str = ""
    what: str = ""
    where: str = ""
    expected: str = ""
    got: str = ""
    remedy: str = ""


def push(settings: Settings, texts: dict[str, str]) -> Published:
    """Puts `texts`, by part, in force as one release; gives the one in force when it says the same already.

    Raises:
        Refusal: the api does not answer, does not know the token, or refuses `texts`: then with its own words.
    """
    url = f"http://127.0.0.1:{settings.api_port}/v1/releases"
    headers = {b"authorization": b"Bearer " + read_token(settings).encode()}
    try:
        # The api is on this machine: a proxy of the environment is for others.
        with httpx.Client(trust_env=False, timeout=SECONDS_MAX) as client:
            answer = client.post(url, json=texts, headers=headers)
    except httpx.TransportError as error:
        remedy = "weir up starts it; WEIR_API_PORT names its port"
        raise Refusal(
            "the api does not answer", where=url, expected="a running system", got=str(error) or type(error).__name__, remedy=remedy
        ) from error
    return _published(url, answer)


def _published(url: str, answer: httpx.Response) -> Published:
    try:
        if answer.status_code == 200:
            return msgspec.json.decode(answer.content, type=Published)
        told = msgspec.json.decode(answer.content, type=Told)
    except msgspec.DecodeError as error:
        got = f"{answer.status_code} and {answer.text}"
        remedy = "does another program listen on WEIR_API_PORT?"
        raise Refusal("not an answer of the api", where=url, expected="a release or a problem", got=got, remedy=remedy) from error
    if told.what:
        raise Refusal(told.what, where=told.where, expected=told.expected, got=told.got, remedy=told.remedy)
    raise Refusal("the api did not take the release", where=url, expected="200", got=str(answer.status_code), remedy=told.detail)
