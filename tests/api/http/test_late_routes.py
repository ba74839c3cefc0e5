"""Late routes: each is worked out when it is first asked for, and then is as any other route."""

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from api.http.late_routes import late_routes


@pytest.fixture
def routes() -> APIRouter:
    made = late_routes("numbers")

    @made.get("/doubled/{number}")
    async def doubled(number: int) -> int:
        return 2 * number

    @made.post("/doubled/{number}", status_code=201)
    async def kept(number: int) -> int:
        return number

    return made


async def asked(routes: APIRouter, method: str, path: str) -> tuple[int, object]:
    application = FastAPI(routes=routes.routes)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://api") as client:
        answer = await client.request(method, path)
        return answer.status_code, answer.json()


async def test_a_route_is_worked_out_at_its_first_request_and_no_other_with_it(routes: APIRouter) -> None:
    assert [vars(route).get("dependant") for route in routes.routes] == [None, None]
    assert await asked(routes, "POST", "/v1/doubled/3") == (201, 3)
    assert ["dependant" in vars(route) for route in routes.routes] == [False, True]
    assert await asked(routes, "POST", "/v1/doubled/4") == (201, 4)


async def test_a_late_route_checks_its_parameters_and_its_method_as_any_other(routes: APIRouter) -> None:
    assert await asked(routes, "GET", "/v1/doubled/3") == (200, 6)
    assert (await asked(routes, "GET", "/v1/doubled/three"))[0] == 422
    assert (await asked(routes, "PUT", "/v1/doubled/3"))[0] == 405


def test_what_no_route_has_is_no_attribute_before_and_after_it_is_worked_out(routes: APIRouter) -> None:
    for _ in range(2):
        with pytest.raises(AttributeError, match="speed"):
            _ = routes.routes[0].speed  # type: ignore[attr-defined]
