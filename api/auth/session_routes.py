"""The route that makes a link by which its caller signs in at the console, once."""

import asyncio

import msgspec
from fastapi import APIRouter, Request, Response

from api.auth.request_context import caller_of, note_subject
from api.auth.sessions import LINK_MS, SessionKeeper
from api.http.late_routes import late_routes
from api.http.problem import as_response, json_answer
from api.http.route_docs import route_docs

LINK_PATH = "/sign-in/link"


class SignInLink(msgspec.Struct):
    """A link that signs its maker in at the console: once, until `expires_in_ms` from now. `path` is below the address of the API."""

    path: str
    expires_in_ms: int


def make_session_routes(keeper: SessionKeeper) -> APIRouter:
    """The routes below ``/sessions``."""
    routes = late_routes("tokens")

    @routes.post("/sessions:link", summary="Makes a link that signs its maker in at the console", **route_docs(SignInLink, status=201))
    async def make(request: Request) -> Response:
        """Whoever opens it first is signed in as its maker, with the maker's roles, so it is as secret as a token for its ten minutes.

        What is secret stands behind ``#``, which a browser sends to nobody and no log of a proxy holds.
        """
        note_subject(request, "a link to sign in")
        secret = await asyncio.to_thread(keeper.make_link, caller_of(request))
        return as_response(json_answer(201, SignInLink(f"{LINK_PATH}#{secret}", LINK_MS)))

    return routes
