"""Documents of an identity provider: bounded in size and time, and only of the issuer that was asked."""

from typing import Any

import httpx
import msgspec

BODY_BYTES_MAX = 1_048_576


async def fetch_json(client: httpx.AsyncClient, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    """The JSON object at `url`; with `form` it is posted.

    Raises:
        httpx.HTTPError: there is no answer, or none of success.
        ValueError: the answer is too long, or no JSON object.
    """
    body = b""
    async with client.stream("GET" if form is None else "POST", url, data=form) as answer:
        answer.raise_for_status()
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > BODY_BYTES_MAX:
                raise ValueError(f"{url} answers with more than {BODY_BYTES_MAX} bytes")
    return msgspec.json.decode(body, type=dict[str, Any])


async def configuration_of(client: httpx.AsyncClient, issuer: str) -> dict[str, Any]:
    """What the provider `issuer` says of itself.

    Raises:
        httpx.HTTPError, ValueError: as for `fetch_json`; or the document is of another issuer.
    """
    about = await fetch_json(client, issuer.rstrip("/") + "/.well-known/openid-configuration")
    if about.get("issuer") != issuer:
        raise ValueError(f"its configuration names another issuer, {str(about.get('issuer'))[:200]}")
    return about
