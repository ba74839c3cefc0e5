"""Query strings: an unknown parameter is refused by its name, and so is a repeated parameter that takes one value."""

import difflib
from collections.abc import Mapping
from typing import Annotated, get_args, get_origin
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.dependencies.models import Dependant

from foundation.refusal import Refusal, shortened

Taken = Mapping[str, bool]
"""The names of the parameters that a route takes, and whether each may be given several times."""
NONE: Taken = {}


def require_known(query: bytes, taken: Taken) -> list[tuple[str, str]]:
    """The names and values of a query string, all of whose names are in `taken`.

    Raises:
        Refusal: the query has an unknown parameter, or repeats one that takes a single value.
    """
    if not query:
        return []
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    seen = set()
    for name, value in given:
        if name not in taken:
            raise _unknown(name, taken)
        if name in seen and not taken[name]:
            raise Refusal("parameter given twice", where=shortened(name), expected="one value in the query", got=f"a second value, {value}")
        seen.add(name)
    return given


async def require_known_query(request: Request) -> None:
    """A FastAPI dependency of every route: refuses parameters that the route does not declare.

    Raises:
        Refusal: see `require_known`.
    """
    if request.scope["query_string"]:
        require_known(request.scope["query_string"], taken_by(request.scope["route"].dependant))


def taken_by(dependant: Dependant) -> dict[str, bool]:
    """The query parameters of a route and of its dependencies."""
    taken = {field.alias: _is_list(field.field_info.annotation) for field in dependant.query_params}
    for inner in dependant.dependencies:
        taken |= taken_by(inner)
    return taken


def _is_list(kind: object) -> bool:
    """Whether `kind` is a list, or a list or None."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return list in (kind, get_origin(kind), *map(get_origin, get_args(kind)))


def _unknown(name: str, taken: Taken) -> Refusal:
    near = difflib.get_close_matches(name, taken, n=1)
    return Refusal(
        "unknown parameter of the query",
        where=shortened(name),
        expected=", ".join(taken) or "no parameters",
        got=name,
        remedy=f"did you mean {near[0]}?" if near else "",
    )
