"""The route that reads the audit log."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from api.http.late_routes import late_routes
from api.http.problem import as_response, json_answer
from api.http.route_docs import route_docs
from stores.audit import Audit, Entry, Fact

PAGE_MAX = 500


class ShownEntry(msgspec.Struct):
    """An entry of the audit log. `hash` is the SHA-256 of `previous`, a line feed and `said`; the other fields are read from `said`."""

    number: int
    at_ms: int
    by: str
    roles: tuple[str, ...]
    action: str
    phase: str
    of: int
    status: int
    subject: str
    body_sha256: str
    body_bytes: int
    peer: str
    previous: str
    said: str
    hash: str


class ShownPage(msgspec.Struct):
    """Some entries, newest first; `next` is the cursor of the page with older ones, null at the end."""

    entries: list[ShownEntry]
    next: int | None


def make_audit_routes(audit: Audit) -> APIRouter:
    """The route ``/audit``."""
    routes = late_routes("audit")

    @routes.get("/audit", summary="Who changed what and with which outcome, newest first", **route_docs(ShownPage))
    def entries(
        cursor: Annotated[int | None, Query(ge=1, le=1 << 62, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        """Each entry's hash depends on the entry and on all entries before it."""
        found = audit.page(cursor, limit)
        following = found[-1].number if found and found[-1].number > 1 else None
        return as_response(json_answer(200, ShownPage([_shown(entry) for entry in found], following)))

    return routes


def _shown(entry: Entry) -> ShownEntry:
    try:
        fact = entry.fact()
    except msgspec.DecodeError:  # the entry was altered in the store; `weir audit verify` reports it
        fact = Fact(0, "", (), "not readable", "intent")
    shown = msgspec.structs.asdict(fact) | msgspec.structs.asdict(entry)
    return msgspec.convert(shown, ShownEntry)
