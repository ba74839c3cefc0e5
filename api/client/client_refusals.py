"""The refusals that the client raises when a call fails."""

import httpx
import msgspec

from foundation.refusal import Refusal


class _Problem(msgspec.Struct):
    """The fields that are read of a problem (RFC 9457); all but `detail` are those of a `Refusal`, if it was one."""

    detail: str = ""
    what: str = ""
    where: str = ""
    expected: str = ""
    got: str = ""
    remedy: str = ""


def no_answer(error: httpx.TransportError) -> Refusal:
    """The refusal for a call that nobody answered."""
    where = str(error.request.url)
    remedy = "start it with weir up, or set WEIR_API_PORT to its port"
    got = str(error) or type(error).__name__
    return Refusal("the api does not answer", where=where, expected="a running system", got=got, remedy=remedy)


def no_api(answer: httpx.Response) -> Refusal:
    """The refusal for an answer that the API would not give."""
    got = f"{answer.status_code} and {answer.text}"
    remedy = "does another program listen on WEIR_API_PORT?"
    return Refusal(
        "not an answer of the api", where=str(answer.url), expected="an answer as in its OpenAPI document", got=got, remedy=remedy
    )


def refusal_of(answer: httpx.Response) -> Refusal:
    """The refusal for an answer with an error status, which was read whole; it has the API's own text."""
    try:
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except msgspec.DecodeError:
        return no_api(answer)
    if problem.what:
        return Refusal(problem.what, where=problem.where, expected=problem.expected, got=problem.got, remedy=problem.remedy)
    got = f"status {answer.status_code}"
    return Refusal("the api refused the request", where=str(answer.url), expected="status 200", got=got, remedy=problem.detail)
