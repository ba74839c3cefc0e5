"""What a page of the console is: where it stands, which route of the API it shows, and how it asks for what it shows."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from starlette.datastructures import QueryParams

from api.auth.permissions import ADMIN, ANYBODY, Caller, roles_for
from api.console.own_api import OwnApi


class Asked(msgspec.Struct, frozen=True):
    """A request for a page: what stands in its path and query, who looks, and the API as they may call it."""

    path: Mapping[str, Any]
    query: QueryParams
    caller: Caller
    api: OwnApi
    now_ms: int


Load = Callable[[Asked], Awaitable[Mapping[str, object]]]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page.

    Args:
        name: of its template, ``templates/<name>.html``, and of its script ``console/src/<name>.ts``, if it has one.
        path: below the address of the API; ``{id}`` is a part, ``{id:path}`` all that follows.
        title: its heading and the title of its window.
        reads: the route of the API without which it shows nothing; whoever may call that may look at the page.
        load: asks the API for what the template shows.
        label: in the navigation; '' for a page that is reached from others.
        key: what opens it behind ``g``; '' for none.
        has_script: whether it has a script of its own.
    """

    name: str
    path: str
    title: str
    reads: str
    load: Load
    label: str = ""
    key: str = ""
    has_script: bool = False

    @property
    def section(self) -> str:
        """The first part of its path, which a page of one thing shares with the list of such things."""
        return self.path.split("/")[1]

    def is_for(self, caller: Caller) -> bool:
        """Whether `caller` may look at it."""
        return may(caller, "GET", self.reads)


def may(caller: Caller, method: str, path: str) -> bool:
    """Whether `caller` may call a route of the API; what somebody may not do, no page offers."""
    return bool(caller.mask & (roles_for(method, path) or ADMIN)) or roles_for(method, path) == ANYBODY
