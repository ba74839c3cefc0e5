"""What a caller's token costs a request on the hot routes: CPU microseconds in front of an answer that costs nothing.

Measured beside the same requests with an authenticator that lets everybody in, and for tokens that are not cached: one looked up in its
file, a signature checked. Before a figure is given, wrong tokens and other roles are tried.
"""

import asyncio
import json
import logging
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import MutableMapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from api.asgi_entry import AsgiEntry
from api.auth.authenticator import Authenticator
from api.auth.permissions import Caller, caller
from api.auth.provider.jwks import Key
from api.auth.provider.oidc import OidcVerifier, Rules
from api.auth.token_verifier import StoredTokenVerifier
from api.http.metrics import ApiMetrics
from api.http.peer import read_peers
from api.http.problem import Answer
from stores.relational.database import Database
from stores.relational.place import SqlitePlace
from stores.relational.tokens import RelationalTokens
from stores.tokens import StoredToken, new_token, token_hash

REQUESTS, ROUNDS = 30_000, 9
ROUTES = (("POST", "/v1/decisions"), ("GET", "/v1/scores/customer_id/c1"))
Message = MutableMapping[str, Any]


class Open(Authenticator):
    """Lets everybody in."""

    def known(self, authorization: bytes | None) -> Caller | None:
        return EVERYBODY


EVERYBODY = caller("everybody", ["system"])
ANSWER = Answer(200, b"{}")


async def nothing(*given: object) -> Answer:
    return ANSWER


async def receive() -> Message:
    return {"type": "http.request", "body": b"{}", "more_body": False}


def front(authenticator: Authenticator) -> AsgiEntry:
    return AsgiEntry(nothing, authenticator, nothing, nothing, ApiMetrics(), read_peers(""))  # type: ignore[arg-type]


def scope(method: str, path: str, token: str) -> Message:
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"content-length", b"2")]
    return {
        "type": "http", "method": method, "path": path, "query_string": b"",
        "headers": [*headers, (b"authorization", b"Bearer " + token.encode())],
    }  # fmt: skip


async def status(made: AsgiEntry, method: str, path: str, token: str) -> int:
    seen = []

    async def send(message: Message) -> None:
        seen.append(message)

    await made(scope(method, path, token), receive, send)
    return int(seen[0]["status"])


async def measured(made: AsgiEntry, method: str, path: str, token: str) -> list[float]:
    """CPU µs a request, a figure a round."""

    async def send(message: Message) -> None:
        pass

    rounds = []
    for _ in range(ROUNDS):
        await asyncio.sleep(0.02)  # what is looked up beside the requests is answered meanwhile
        scopes = [scope(method, path, token) for _ in range(REQUESTS)]
        began = time.process_time()
        for each in scopes:
            await made(each, receive, send)
        rounds.append((time.process_time() - began) / REQUESTS * 1e6)
    return rounds


class OneKey:
    """The keys of a provider that has one."""

    def __init__(self, key: Key) -> None:
        self._key = key

    async def key(self, id: str) -> Key:
        return self._key


async def per_call(call: Any, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        await call()
    return (time.perf_counter() - began) / count * 1e6


async def main() -> None:
    """Checks the answers, then prints a line a figure."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(SqlitePlace(pathlib.Path(folder) / "weir.db"))
        tokens = RelationalTokens(database)
        token, reader = new_token(), new_token()
        tokens.add(StoredToken("system", token_hash(token), ("system",), "owner", 1))
        tokens.add(StoredToken("reader", token_hash(reader), ("reader",), "owner", 1))
        verifier = StoredTokenVerifier(tokens, time.time)
        authenticator = Authenticator([verifier], ApiMetrics().count_rejected, time.time)
        real, open_ = front(authenticator), front(Open([], ApiMetrics().count_rejected, time.time))
        tried = [await status(real, "POST", "/v1/decisions", each) for each in (token, reader, new_token(), "")]
        if tried != [200, 403, 401, 401]:
            raise AssertionError(f"answers are {tried}")
        for method, path in ROUTES:
            for name, made in (("no authenticator", open_), ("token", real)):
                rounds = await measured(made, method, path, token)
                said = {"route": f"{method} {path}", "with": name, "us_median": round(statistics.median(rounds), 2)}
                print(json.dumps(said | {"us_min": round(min(rounds), 2), "us_max": round(max(rounds), 2)}))
        print(
            json.dumps({"proof": "token in its file, through a thread", "us": round(await per_call(lambda: verifier.verify(token), 2_000))})
        )
        key = rsa.generate_private_key(65_537, 2_048)
        claims = {"iss": "https://x.example", "aud": "weir", "sub": "ann", "roles": ["desk"], "exp": int(time.time()) + 600}
        signed = jwt.encode(claims, key, "RS256", {"kid": "one", "typ": "at+jwt"})
        rules = Rules("https://x.example", "weir", "sub", "roles", {"desk": ("analyst",)})
        oidc = OidcVerifier(rules, OneKey(Key(key.public_key(), "RS256")))  # type: ignore[arg-type]
        print(json.dumps({"proof": "signature, RS256", "us": round(await per_call(lambda: oidc.verify(signed), 2_000))}))
        await authenticator.close()
        database.close()
    print(json.dumps({"python": sys.version.split()[0], "requests": REQUESTS, "rounds": ROUNDS}))


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    asyncio.run(main())
