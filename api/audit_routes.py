"""The route over the audit log."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from api.problem import json_answer
from api.reads import as_response
from stores.audit import Audit, Entry

PAGE_MAX = 500


def make_audit_routes(audit: Audit) -> APIRouter:
    """``/audit``."""
    routes = APIRouter(tags=["audit"])

    @routes.get("/audit", summary="Who changed what and with which outcome, newest first")
    def entries(
        cursor: Annotated[int | None, Query(ge=1, le=1 << 62, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        """Each entry's hash stands for it and all before it: SHA-256 of `previous`, a line feed and `said`."""
        found = audit.page(cursor, limit)
        following = found[-1].number if found and found[-1].number > 1 else None
        return as_response(json_answer(200, {"entries": [_shown(entry) for entry in found], "next": following}))

    return routes


def _shown(entry: Entry) -> dict[str, Any]:
    try:
        fact = msgspec.structs.asdict(entry.fact())
    except msgspec.DecodeError as error:  # altered in the store: shown as far as it goes, for `verify` to name
        fact = {"unreadable": str(error)}
    return {"number": entry.number, **fact, "previous": entry.previous, "said": entry.said, "hash": entry.hash}
