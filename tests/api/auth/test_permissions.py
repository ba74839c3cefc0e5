import re

import pytest
from api_imitation import Api
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from api.asgi_entry import ROUTES
from api.auth.permissions import ADMIN, ANYBODY, ROLES, TABLE, caller, is_change, mask_of, roles_for

OPENAPI = ("GET", "/v1/openapi.json")
"""The route that the document leaves out."""
NOBODY = {"/v1/stream": {"entity": "nobody", "id": "x"}, "/v1/stream/cases": {"nobody": "x"}}
"""Queries that answers without an end are not given to."""


def documented(app: object) -> list[tuple[str, str]]:
    """Method and path, with something in place of each parameter, of each route in the OpenAPI document."""
    while not isinstance(app, FastAPI):
        app = app._app  # type: ignore[attr-defined]
    paths = app.openapi()["paths"]
    return [(method.upper(), re.sub(r"{\w+}", "x", path)) for path, methods in paths.items() for method in methods]


async def test_every_route_of_the_openapi_document_is_in_the_table(api: Api) -> None:
    routes = [*documented(api.app), ("POST", "/v1/decisions"), ("GET", "/v1/scores/x/y"), OPENAPI]
    assert len(routes) > 20
    assert [route for route in routes if not roles_for(*route)] == [], "add their lines to TABLE of api/auth/permissions.py"


async def test_every_line_of_the_table_names_a_route(api: Api) -> None:
    routes = [*documented(api.app), OPENAPI]
    of_none = [
        (method, shape) for method, shape, _ in TABLE if not any(method == each and pattern(shape).fullmatch(path) for each, path in routes)
    ]
    assert of_none == [], "no route of the application has these methods and paths: it was renamed or taken out, or has another name"


async def test_figures_count_every_route_by_the_first_part_of_its_path(api: Api) -> None:
    assert {path for _, path in documented(api.app) if path.removeprefix("/v1").split("/")[1].partition(":")[0] not in ROUTES} == set()
    assert not {"", "v1", "other"} & ROUTES


async def test_every_route_that_only_some_may_call_asks_for_a_token(api: Api) -> None:
    for method, path in documented(api.app):
        answer = await api.client.request(method, path, headers={"authorization": ""}, params=NOBODY.get(path))
        assert (answer.status_code == 401) == (roles_for(method, path) != ANYBODY), path


@pytest.mark.parametrize(
    ("method", "path", "roles"),
    [
        ("POST", "/v1/events", "system"),
        ("POST", "/v1/decisions", "system"),
        ("GET", "/v1/decisions/a:b", "system reader analyst author approver"),
        ("GET", "/v1/scores/customer/a/b", "system reader analyst author approver"),
        ("GET", "/v1/entities/customer/a/b/decisions", "reader analyst author approver"),
        ("GET", "/v1/flagged", "reader analyst author approver"),
        ("POST", "/v1/labels", "system analyst"),
        ("GET", "/v1/features", "reader analyst author approver"),
        ("GET", "/v1/features/amount/versions", "reader analyst author approver"),
        ("PUT", "/v1/policy", "author"),
        ("POST", "/v1/policy/versions", "author"),
        ("POST", "/v1/policy:activate", "author approver"),
        ("POST", "/v1/releases", "author approver"),
        ("POST", "/v1/releases:activate", "author approver"),
        ("POST", "/v1/releases/3:activate", "author approver"),
        ("POST", "/v1/policy:bypass", "approver"),
        ("PUT", "/v1/lists/blocked", "author"),
        ("GET", "/v1/audit", "approver"),
        ("GET", "/v1/tokens", ""),
        ("DELETE", "/v1/tokens/payments", ""),
    ],
)
def test_a_route_may_be_called_by_these_roles_and_by_admins(method: str, path: str, roles: str) -> None:
    assert roles_for(method, path) == mask_of(roles.split()) | ADMIN


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/v1"), ("GET", "/v1/"), ("GET", "/v1/no"), ("GET", "/v1/flagged/"), ("GET", "//v1/flagged"),
     ("HEAD", "/v1/flagged"),
     ("DELETE", "/v1/policy"), ("POST", "/v1/policy:burn"), ("POST", "/v1/:activate"), ("GET", "/v1/decisions/"), ("GET", "/v1/tokens/x"),
     ("get", "/v1/flagged"), ("POST", "/v1/DECISIONS"), ("POST", "/health"), ("PUT", "/v1/features/versions/3"), ("GET", "/v1/audit/1")],
)  # fmt: skip
def test_what_is_not_in_the_table_is_open_to_nobody(method: str, path: str) -> None:
    assert roles_for(method, path) == 0


def pattern(shape: str) -> re.Pattern[str]:
    """A shape of the table as an expression."""
    parts = re.split(r"({\w+(?::path)?})", shape)
    return re.compile("".join((".*" if part.endswith(":path}") else "[^/]+") if part[:1] == "{" else re.escape(part) for part in parts))


words = st.sampled_from(sorted({part for _, shape, _ in TABLE for part in re.split(r"[/{}:]+", shape)} | {"x", "a:b", "v1:activate", ""}))
lines = st.sampled_from(TABLE)


@given(line=lines, values=st.lists(words, min_size=4, max_size=4))
def test_a_path_of_a_line_has_at_most_what_the_lines_that_fit_it_grant_and_its_own_where_no_other_fits(
    line: tuple[str, str, str], values: list[str]
) -> None:
    method, shape, _ = line
    given = iter(values)
    path = re.sub(r"{\w+(:path)?}", lambda found: next(given), shape)
    fitting = [mask(roles) for each, other, roles in TABLE if each == method and pattern(other).fullmatch(path)]
    found = roles_for(method, path)
    assert found in fitting or not found
    if len(set(fitting)) == 1 and all(values):
        assert found in (*fitting, 0)
        assert found or ":" in "".join(values) or "versions" in values


def mask(roles: str) -> int:
    return ANYBODY if roles == "anybody" else ADMIN | mask_of(roles.split())


@given(method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]), parts=st.lists(words, max_size=6))
def test_any_path_has_what_one_of_the_lines_that_fit_it_grants_or_nothing(method: str, parts: list[str]) -> None:
    path = "/".join(["", *parts])
    fitting = [mask(roles) for each, shape, roles in TABLE if each == method and pattern(shape).fullmatch(path)]
    assert roles_for(method, path) in (*fitting, 0)


async def test_what_is_not_in_the_table_is_refused_to_all_but_admins(api: Api) -> None:
    everything_else = await token_for(api, *(role for role in ROLES if role != "admin"))
    answer = await api.client.get("/v1/no", headers=everything_else)
    assert answer.status_code == 403
    assert (await api.client.get("/v1/no")).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
async def test_each_role_is_let_in_exactly_where_the_table_says(api: Api, role: str) -> None:
    headers = await token_for(api, role)
    own = mask_of([role])
    for method, path in documented(api.app):
        answer = await api.client.request(method, path, headers=headers, params=NOBODY.get(path))
        allowed = bool(roles_for(method, path) & (own | ANYBODY))
        assert (answer.status_code == 403) != allowed, (method, path, "its line in TABLE, or the lack of one, says otherwise", answer.text)


async def test_a_403_is_a_problem_that_says_what_is_needed(api: Api) -> None:
    answer = await api.client.put("/v1/policy", headers=await token_for(api, "reader"), content="x")
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert answer.json()["detail"] == "holder-of-reader has the role reader, and this route needs the role author or admin"
    assert answer.headers["www-authenticate"] == 'Bearer realm="weir", error="insufficient_scope"'


async def test_a_release_is_by_who_put_it_in_force(api: Api) -> None:
    headers = await token_for(api, "admin")
    await api.client.put("/v1/policy", headers=headers, content=api.in_force.texts["policy"] + "# new\n")
    assert (await api.client.get("/v1/releases")).json()["releases"][0]["by"] == "holder-of-admin"


def test_what_changes_something_is_to_be_in_the_log_and_events_are_not() -> None:
    assert is_change("PUT", "/v1/policy")
    assert is_change("DELETE", "/v1/anything")
    assert not any(is_change(method, path) for method, path, _ in TABLE if method == "GET")
    assert not any(is_change("POST", path) for path in ("/v1/events", "/v1/decisions"))
    assert is_change("POST", "/v1/labels")
    assert is_change("PUT", "/v1/events")


def test_a_caller_has_roles_that_exist_only() -> None:
    assert caller("x", ["root", "admin", "reader", "reader"]).roles == ("reader", "admin")


async def token_for(api: Api, *roles: str) -> dict[str, str]:
    """The header of a new token."""
    made = await api.client.post("/v1/tokens", json={"name": "holder-of-" + "-".join(roles), "roles": roles})
    assert made.status_code == 201, made.text
    return {"authorization": f"Bearer {made.json()['token']}"}
