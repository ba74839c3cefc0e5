"""Who calls, for routes: what the front found out travels in the request's scope."""

from fastapi import Request

from api.auth.permissions import CALLER, Caller

SUBJECT = "weir.subject"
"""Under this name a scope holds what a change was about, for the audit log."""


def caller_of(request: Request) -> Caller:
    """Who calls."""
    found: Caller = request.scope[CALLER]
    return found


def note_subject(request: Request, subject: str) -> None:
    """Says in a few words what a change was about, such as ``release 7``; never a secret."""
    request.scope[SUBJECT] = subject
