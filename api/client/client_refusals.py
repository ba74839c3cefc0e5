"""What went wrong with a call of the client, as a `Refusal`."""

import httpx
import msgspec

from foundation.refusal import Refusal


class _Told(msgspec.Struct):
    """What is read of a problem (RFC 9457); the parts are those of a `Refusal`, where there is one."""

    detail: str = ""
    what: str = ""
    where: str = ""
    expected: str = ""
    got: str = ""
    remedy: str = ""


def no_answer(error: httpx.TransportError) -> Refusal:
    """Of a call that nobody answered."""
    where = str(error.request.url)
    remedy = "weir up starts it; WEIR_API_PORT names its port"
    got = str(error) or type(error).__name__
    return Refusal("the api does not answer", where=where, expected="a running system", got=got, remedy=remedy)


def no_api(answer: httpx.Response) -> Refusal:
    """Of an answer that the API does not give."""
    got = f"{answer.status_code} and {answer.text}"
    remedy = "does another program listen on WEIR_API_PORT?"
    return Refusal("not an answer of the api", where=str(answer.url), expected="what its OpenAPI says", got=got, remedy=remedy)


def refusal_of(answer: httpx.Response) -> Refusal:
    """Of an answer that is no success, read whole: in the API's own words."""
    try:
        told = msgspec.json.decode(answer.content, type=_Told)
    except msgspec.DecodeError:
        return no_api(answer)
    if told.what:
        return Refusal(told.what, where=told.where, expected=told.expected, got=told.got, remedy=told.remedy)
    got = str(answer.status_code)
    return Refusal("the api did not take the request", where=str(answer.url), expected="200", got=got, remedy=told.detail)
