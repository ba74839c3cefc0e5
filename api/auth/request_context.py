"""What routes know of their request beyond FastAPI: the caller that the ASGI entry put into the scope, and the audit log's subject."""

from fastapi import Request

from api.auth.permissions import CALLER, Caller

SUBJECT = "weir.subject"
"""The ASGI scope of a request holds what a change was about under this key, for the audit log."""


def caller_of(request: Request) -> Caller:
    """The caller of `request`."""
    found: Caller = request.scope[CALLER]
    return found


def note_subject(request: Request, subject: str) -> None:
    """Notes for the audit log in a few words what a change was about, such as ``release 7``; it must not hold a secret."""
    request.scope[SUBJECT] = subject
