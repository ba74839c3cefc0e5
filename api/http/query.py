"""Query strings: what a route does not take is refused by its name, and so is a second value where one is taken."""

import difflib
from collections.abc import Mapping
from typing import Annotated, get_args, get_origin
from urllib.parse import parse_qsl

from fastapi import Request
from fastapi.dependencies.models import Dependant

from foundation.refusal import Refusal, shortened

Taken = Mapping[str, bool]
"""Names of parameters, and whether each may be given several times."""
NONE: Taken = {}


def require_known(query: bytes, taken: Taken) -> list[tuple[str, str]]:
    """Names and values of a query string, which names only parameters of `taken`.

    Raises:
        Refusal: another one is in it, or one comes twice that has one value.
    """
    if not query:
        return []
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    seen = set()
    for name, value in given:
        if name not in taken:
            raise _unknown(name, taken)
        if name in seen and not taken[name]:
            raise Refusal("parameter given twice", where=shortened(name), expected="one value in the query", got=f"another one: {value}")
        seen.add(name)
    return given


async def require_known_query(request: Request) -> None:
    """A dependency of all routes: what each takes is what it declares.

    Raises:
        Refusal: see `require_known`.
    """
    if request.scope["query_string"]:
        require_known(request.scope["query_string"], taken_by(request.scope["route"].dependant))


def taken_by(dependant: Dependant) -> dict[str, bool]:
    """What a route takes in its query, with what its dependencies do."""
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
