"""One table says which roles may call each route.

Only admins may call a route that is not in the table. The roles: `system` is a payment or login system, `reader` sees all decisions,
`analyst` also gives labels, tells facts and works on cases, `author` writes definitions, `approver` puts them in force, and `admin` may do
everything.
"""

from collections.abc import Iterable

import msgspec

from api.http.problem import Problem
from patterns.lifecycle.moves import MOVES
from pipeline.jobs.kinds import KINDS

ROLES = ("system", "reader", "analyst", "author", "approver", "admin")
CALLER = "weir.caller"
"""The ASGI scope of a request holds the `Caller` under this key."""
PEER = "weir.peer"
"""The ASGI scope of a request holds the address that it came from under this key."""
ADMISSION = "weir.admission"
"""The ASGI scope of a request holds the `api.auth.admission.Admission` of its caller under this key, for long answers."""
_BITS = {role: 1 << bit for bit, role in enumerate(ROLES)}
ANYBODY = 1 << len(ROLES)
"""This bit marks routes that need no token."""
ADMIN = _BITS["admin"]

_READ = "reader analyst author approver"
_REVIEW = "analyst approver"
_CASE_VERBS = (
    *(f":{verb}" for verb in ("claim", "release", "assign", "move", "snooze", "close", "reopen")),
    "/notes", "/verdicts", "/verdicts/{verdict}:undo", "/alerts/{alert}:move",
)  # fmt: skip
_DEFINITIONS = ("schema", "features", "models", "policy")
_JOB_STARTS = tuple(("POST", f"/v1/{kind.path}", kind.roles) for kind in KINDS.values())
_JOB_CALLERS = " ".join(role for role in ROLES if role != "admin" and any(role in kind.roles.split() for kind in KINDS.values()))
"""Who may start some job may look at its own ones."""
_DATA = (("POST", "/v1/events", "system"), ("POST", "/v1/decisions", "system"), ("POST", "/v1/labels", "system analyst"))

TABLE: tuple[tuple[str, str, str], ...] = (
    *_DATA,
    ("GET", "/v1/decisions:matches", _READ),
    ("GET", "/v1/decisions/{event_id}", f"system {_READ}"),
    ("GET", "/v1/scores/{entity}/{id:path}", f"system {_READ}"),
    ("GET", "/v1/entities/{rest:path}", _READ),
    ("PUT", "/v1/entities/{rest:path}", "analyst author approver"),
    ("POST", "/v1/entities/{rest:path}", "analyst author approver"),
    ("DELETE", "/v1/entities/{rest:path}", "analyst author approver"),
    ("GET", "/v1/flagged", _READ),
    ("GET", "/v1/stream", _READ),
    ("GET", "/v1/stream/cases", _READ),
    ("GET", "/v1/metrics/query", _READ),
    *(line for part in _DEFINITIONS for line in (
        ("GET", f"/v1/{part}", _READ),
        ("GET", f"/v1/{part}/{{rest:path}}", _READ),
        ("PUT", f"/v1/{part}", "author"),
        ("POST", f"/v1/{part}/versions", "author"),
        ("POST", f"/v1/{part}:activate", "author approver"),
    )),
    *(("GET", f"/v1/models:{what}", _READ) for what in ("standings", "compare", "reliability", "drift")),
    ("GET", "/v1/models/{name}:importance", _READ),
    ("POST", "/v1/models/{name}:promote", "author approver"),
    ("POST", "/v1/models/{place}:roll_back", "author approver"),
    ("GET", "/v1/lists", _READ),
    ("GET", "/v1/lists/{name}", _READ),
    ("PUT", "/v1/lists/{name}", "author"),
    ("POST", "/v1/lists/{name}:edit", "author"),
    ("DELETE", "/v1/lists/{name}", "author"),
    ("GET", "/v1/patterns", _READ),
    ("POST", "/v1/patterns:upload", "author"),
    ("POST", "/v1/patterns:test", _READ),
    ("GET", "/v1/patterns:vocabulary", _READ),
    ("GET", "/v1/patterns:exceptions", _READ),
    ("GET", "/v1/patterns:totals", _READ),
    ("GET", "/v1/patterns:reports", _READ),
    ("GET", "/v1/patterns/{id}", _READ),
    ("GET", "/v1/patterns/{id}:why", _READ),
    ("GET", "/v1/patterns/{id}/thresholds/{key:path}", _READ),
    ("PUT", "/v1/patterns/{id}", "author"),
    ("DELETE", "/v1/patterns/{id}", "author"),
    ("POST", "/v1/patterns/{id}/versions", "author"),
    ("GET", "/v1/patterns/{id}/{rest:path}", _READ),
    ("POST", "/v1/patterns/{id}:snooze", "analyst author approver"),
    ("DELETE", "/v1/patterns/{id}/snoozes/{snooze}", "analyst author approver"),
    ("POST", "/v1/patterns/{id}:approve", "author approver"),
    ("POST", "/v1/patterns/{id}:roll_back", "author approver"),
    *(("POST", f"/v1/patterns/{{id}}:{verb}", "author approver") for verb in MOVES),
    ("GET", "/v1/templates", _READ),
    ("GET", "/v1/releases", _READ),
    ("GET", "/v1/releases/{id}", _READ),
    ("POST", "/v1/releases", "author approver"),
    ("POST", "/v1/releases:activate", "author approver"),
    ("POST", "/v1/releases/{id}:activate", "author approver"),
    ("GET", "/v1/policy:bypass", _READ),
    ("POST", "/v1/policy:bypass", "approver"),
    *_JOB_STARTS,
    ("GET", "/v1/jobs", _JOB_CALLERS),
    ("GET", "/v1/jobs/{id}", _JOB_CALLERS),
    ("GET", "/v1/jobs/{id}/result", _JOB_CALLERS),
    ("POST", "/v1/jobs/{id}:cancel", _JOB_CALLERS),
    ("GET", "/v1/alerts", _READ),
    ("GET", "/v1/alerts:changes", _READ),
    ("GET", "/v1/alerts/{id}", _READ),
    ("GET", "/v1/alerts/{id}/events", _READ),
    ("GET", "/v1/silences", _READ),
    ("POST", "/v1/silences", "analyst author approver"),
    ("DELETE", "/v1/silences/{id}", "analyst author approver"),
    ("GET", "/v1/verdicts:waiting", _READ),
    ("GET", "/v1/verdicts/{id}", _READ),
    ("POST", "/v1/verdicts/{id}:approve", "analyst approver"),
    ("POST", "/v1/verdicts/{id}:refuse", "analyst approver"),
    ("GET", "/v1/holds", _READ),
    ("GET", "/v1/holds/{id}", _READ),
    ("POST", "/v1/holds/{id}:release", "analyst approver"),
    ("POST", "/v1/holds/{id}:decline", "analyst approver"),
    ("GET", "/v1/cases", _READ),
    ("GET", "/v1/cases:quality", _READ),
    ("GET", "/v1/cases:changes", _READ),
    ("GET", "/v1/cases/{id}", _READ),
    *(("GET", f"/v1/cases/{{id}}/{part}", _READ) for part in ("timeline", "events", "alerts", "links", "verdicts")),
    ("POST", "/v1/cases", _REVIEW),
    ("POST", "/v1/cases:next", _REVIEW),
    *(("POST", f"/v1/cases/{{id}}{verb}", _REVIEW) for verb in _CASE_VERBS),
    ("GET", "/v1/typologies", _READ),
    ("GET", "/v1/inboxes", _READ),
    ("GET", "/v1/inboxes/{name}", _READ),
    ("PUT", "/v1/inboxes/{name}", "admin"),
    ("DELETE", "/v1/inboxes/{name}", "admin"),
    ("GET", "/v1/webhooks", _READ),
    ("GET", "/v1/webhooks/{id}", _READ),
    *(("POST", f"/v1/webhooks{verb}", "admin") for verb in ("", "/{id}:rotate", "/{id}:drop_older_keys", "/{id}:test", "/{id}:send_again")),
    ("PUT", "/v1/webhooks/{id}", "admin"),
    ("DELETE", "/v1/webhooks/{id}", "admin"),
    ("GET", "/v1/deliveries", _READ),
    ("GET", "/v1/deliveries/{webhook}/{number}", _READ),
    ("GET", "/v1/audit", "approver"),
    ("POST", "/v1/sessions:link", _READ),
    ("GET", "/v1/tokens", "admin"),
    ("POST", "/v1/tokens", "admin"),
    ("DELETE", "/v1/tokens/{name}", "admin"),
    ("GET", "/health", "anybody"),
    ("GET", "/ready", "anybody"),
    ("GET", "/metrics", "anybody"),
    ("GET", "/v1/openapi.json", "anybody"),
)  # fmt: skip

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_NOT_AUDITED = frozenset((("POST", "/v1/events"), ("POST", "/v1/decisions"), ("POST", "/v1/patterns:test")))


class _Node:
    """A node in the tree of paths. The next part of a path is looked up by its text, by the verb after its colon, or as any text."""

    __slots__ = ("anything", "mask", "rest", "texts", "verbs")

    def __init__(self) -> None:
        self.texts: dict[str, _Node] = {}
        self.verbs: dict[str, _Node] = {}
        self.anything: _Node | None = None
        self.mask = 0
        self.rest = 0


class Caller(msgspec.Struct, frozen=True):
    """Who calls: `name` is written to releases and the audit log, `roles` are in the order of `ROLES`, and `mask` holds their bits."""

    name: str
    roles: tuple[str, ...]
    mask: int


def caller(name: str, roles: Iterable[str]) -> Caller:
    """The caller `name` with `roles`; roles that do not exist are left out."""
    own = tuple(role for role in ROLES if role in frozenset(roles))
    return Caller(name, own, mask_of(own))


def mask_of(roles: Iterable[str]) -> int:
    """The bits of `roles`."""
    return sum(_BITS[role] for role in set(roles))


def forbidden(caller: Caller, allowed: int) -> Problem:
    """The answer 403 to a caller that has none of the roles in `allowed`; 0 means admins only."""
    needed = " or ".join(role for role in ROLES if _BITS[role] & (allowed or ADMIN))
    has = f"has the role {', '.join(caller.roles)}" if caller.roles else "has no role"
    text = f"{caller.name} {has}, and this route needs the role {needed}"
    return Problem(403, text, [(b"www-authenticate", b'Bearer realm="weir", error="insufficient_scope"')])


def is_change(method: str, path: str) -> bool:
    """Whether a request is written to the audit log: every request is, except reads, events, and requests that change nothing."""
    return method not in _SAFE and (method, path) not in _NOT_AUDITED


def roles_for(method: str, path: str) -> int:
    """The bits of the roles that may call a route; 0 for a route that is not in the table. It takes about a microsecond."""
    node = _TREE.get(method)
    if node is None:
        return 0
    rest = 0
    for part in path.split("/"):
        rest = node.rest or rest
        following = node.texts.get(part)
        if following is None:
            colon = part.rfind(":")
            following = (node.verbs.get(part[colon:]) if colon > 0 else None) or (node.anything if part else None)
            if following is None:
                return rest
        node = following
    return node.mask or rest


def _tree() -> dict[str, _Node]:
    trees: dict[str, _Node] = {}
    for method, shape, roles in TABLE:
        mask = ANYBODY if roles == "anybody" else ADMIN | mask_of(roles.split())
        node = trees.setdefault(method, _Node())
        *parts, last = shape.split("/")
        for part in parts:
            node = _step(node, part)
        if last.endswith(":path}"):
            node.rest = mask
        else:
            _step(node, last).mask = mask
    return trees


def _step(node: _Node, part: str) -> _Node:
    if not part.startswith("{"):
        return node.texts.setdefault(part, _Node())
    verb = part.partition("}")[2]
    if verb:
        return node.verbs.setdefault(verb, _Node())
    node.anything = node.anything or _Node()
    return node.anything


_TREE = _tree()
