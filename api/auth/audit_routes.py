"""The route over the audit log."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Response

from api.http.problem import as_response, json_answer
from api.http.route_docs import told
from stores.audit import Audit, Entry, Fact

PAGE_MAX = 500


class ShownEntry(msgspec.Struct):
    """An entry of the log; its hash is SHA-256 of `previous`, a line feed and `said`. The rest is what `said` says."""

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
    """Some entries, newest first, and the cursor for those before them; None at the end."""

    entries: list[ShownEntry]
    next: int | None


def make_audit_routes(audit: Audit) -> APIRouter:
    """``/audit``."""
    routes = APIRouter(tags=["audit"])

    @routes.get("/audit", summary="Who changed what and with which outcome, newest first", **told(ShownPage))
    def entries(
        cursor: Annotated[int | None, Query(ge=1, le=1 << 62, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        """Each entry's hash stands for it and all before it."""
        found = audit.page(cursor, limit)
        following = found[-1].number if found and found[-1].number > 1 else None
        return as_response(json_answer(200, ShownPage([_shown(entry) for entry in found], following)))

    return routes


def _shown(entry: Entry) -> ShownEntry:
    try:
        fact = entry.fact()
    except msgspec.DecodeError:  # altered in the store, which `verify` says
        fact = Fact(0, "", (), "not readable", "intent")
    shown = msgspec.structs.asdict(fact) | msgspec.structs.asdict(entry)
    return msgspec.convert(shown, ShownEntry)
