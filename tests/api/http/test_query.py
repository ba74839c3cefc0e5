"""Parameters of the query: each route takes what it declares, and nothing else."""

from collections.abc import Iterator

import httpx
import pytest
from api_imitation import Api, event

Operation = tuple[str, str, dict[str, dict[str, object]]]


@pytest.fixture
async def operations(api: Api) -> list[Operation]:
    """Method, path and declared parameters of the query of each route."""
    paths = (await api.client.get("/v1/openapi.json")).json()["paths"]
    return [
        (method.upper(), path, {given["name"]: given["schema"] for given in told.get("parameters", []) if given["in"] == "query"})
        for path, methods in paths.items()
        for method, told in methods.items()
    ]


async def ask(api: Api, method: str, path: str, query: str) -> httpx.Response:
    filled = path.replace("{entity}", "customer").replace("{id}", "1").replace("{name}", "a").replace("{", "").replace("}", "")
    return await api.client.request(method, f"{filled}?{query}", content=b"{}" if method in ("POST", "PUT") else None)


def kinds_of(schema: dict[str, object]) -> Iterator[object]:
    for each in schema.get("anyOf", [schema]):
        yield each.get("type")


@pytest.mark.slow
async def test_every_route_refuses_a_parameter_that_it_does_not_take_by_its_name(api: Api, operations: list[Operation]) -> None:
    assert len(operations) > 40
    for method, path, declared in [*operations, ("GET", "/v1/openapi.json", {})]:
        for query in ("wrong_name=7", "&wrong_name", "wrong%5Fname=x"):
            answer = await ask(api, method, path, query)
            body = answer.json()
            assert (answer.status_code, body.get("where"), body.get("got")) == (422, "wrong_name", "wrong_name"), (method, path, body)
            assert body["what"] == "unknown parameter of the query"
            assert body["expected"] == (", ".join(declared) or "no parameters"), (method, path)
    assert api.log.records == []


async def test_every_parameter_of_one_value_is_refused_when_it_comes_twice_and_a_list_is_not(api: Api, operations: list[Operation]) -> None:
    lists = set()
    for method, path, declared in operations:
        for name, schema in declared.items():
            if "array" in kinds_of(schema):
                lists.add((path, name))
                answer = await ask(api, method, path, f"{name}=burn&{name}=burn")
                assert answer.json().get("what") != "parameter given twice", (path, name)
            else:
                answer = await ask(api, method, path, f"{name}=1&{name}=1")
                assert (answer.status_code, answer.json()["what"], answer.json()["where"]) == (422, "parameter given twice", name), path
    assert lists == {
        ("/v1/flagged", "action"), ("/v1/stream", "action"), ("/v1/metrics/query", "group_by"), ("/v1/metrics/query", "filter"),
        ("/v1/jobs", "state"), ("/v1/alerts", "state"), ("/v1/alerts", "name"), ("/v1/deliveries", "state"),
        ("/v1/cases", "state"), ("/v1/cases", "inbox"), ("/v1/cases", "typology"), ("/v1/holds", "state"),
        ("/v1/patterns:reports", "id"),
    }  # fmt: skip
    assert api.log.records == []


@pytest.mark.parametrize(
    ("method", "path", "near"),
    [("POST", "/v1/decisions?deadline=50", "deadline_ms"), ("POST", "/v1/decisions?deadline_ms=50&Deadline_ms=5", "deadline_ms"),
     ("GET", "/v1/flagged?limt=10", "limit"), ("GET", "/v1/policy/diff?form=x", "from"),
     ("GET", "/v1/metrics/query?groupby=action", "group_by")],
)  # fmt: skip
async def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(api: Api, method: str, path: str, near: str) -> None:
    answer = await api.client.request(method, path, json=event() if method == "POST" else None)
    assert (answer.status_code, answer.json()["remedy"]) == (422, f"did you mean {near}?")
    assert near in answer.json()["expected"]
    assert api.log.records == []


@pytest.mark.parametrize("query", ["", "&", "deadline_ms=5", "deadline%5Fms=5", "deadline_ms=5&", "&deadline_ms=5", "deadline_ms=%35"])
async def test_a_deadline_is_taken_however_its_query_is_written(api: Api, query: str) -> None:
    answer = await api.client.post(f"/v1/decisions?{query}", json=event())
    assert answer.status_code == 200, answer.text
    assert answer.json()["reasons"] == [f"no decision within {5 if 'deadline' in query else 50} ms"]


async def test_an_unknown_parameter_is_told_to_nobody_who_may_not_call(api: Api) -> None:
    for path in ("/v1/scores/customer/c1?x=1", "/v1/flagged?x=1"):
        assert (await api.client.get(path, headers={"authorization": ""})).status_code == 401
