import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from api_imitation import NOW_MS, TOKEN, Api, encoded_cursor, event
from example_counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.http.problem_types import TYPES

URIS = {each.uri for each in TYPES}
PROBLEM = "application/problem+json"
BAD_EVENTS = [
    b"", b"{", b"[]", b"null", b"not JSON", b"\xff\xfe", b'{"id": 1}', b"[" * 100_000, b'{"id":' * 5_000,
    json.dumps(event() | {"id": "x"}).encode(), json.dumps(event() | {"id": 1 << 70}).encode(),
    json.dumps(event() | {"amount": None}).encode(), json.dumps(event() | {"at": NOW_MS + 3_600_000}).encode(),
    b'{"id":1,"at":1,"customer":"c","amount":NaN}', b'{"id":1,"at":1,"customer":"c","amount":1e400}',
    b'{"id":1,"at":1,"customer":"\\ud800","amount":1}', b'{"id":1,"at":1,"customer":"","amount":1}',
]  # fmt: skip


def is_problem(answer: httpx.Response, status: int) -> bool:
    """The one shape of RFC 9457."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    body = answer.json()
    return body["status"] == status and bool(body["title"]) and bool(body["detail"]) and body["type"] in URIS


@pytest.mark.parametrize("path", ["/v1/events", "/v1/decisions"])
@pytest.mark.parametrize("body", BAD_EVENTS)
async def test_a_bad_event_is_refused_with_what_where_expected_and_got_and_goes_nowhere(api: Api, path: str, body: bytes) -> None:
    answer = await api.client.post(path, content=body)
    assert is_problem(answer, answer.status_code) and answer.status_code in (400, 422)
    assert all(answer.json()[name] for name in ("what", "where", "expected", "got"))
    assert api.log.records == []


@pytest.mark.parametrize("path", ["/v1/events", "/v1/decisions", "/v1/labels"])
async def test_a_body_over_a_mebibyte_is_refused_whether_it_says_its_length_or_not(api: Api, path: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(12):
            yield b" " * 100_000

    assert is_problem(await api.client.post(path, content=b" " * 1_048_577), 413)
    assert is_problem(await api.client.post(path, content=endless()), 413)
    assert is_problem(await api.client.post(path, content=b"{}", headers={"content-length": "9" * 30}), 413)
    assert api.log.records == []


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer é"]
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/decisions"), ("GET", "/v1/scores/customer/c1"), ("GET", "/v1/flagged"), ("GET", "/v1/no")]
)
async def test_without_the_token_nothing_is_told(api: Api, method: str, path: str, header: str) -> None:
    answer = await api.client.request(method, path, headers={"authorization": header.encode()}, json=event())
    assert is_problem(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert TOKEN not in answer.text
    assert api.log.records == []


async def test_the_schemes_name_may_be_written_in_any_case(api: Api) -> None:
    assert (await api.client.get("/v1/flagged", headers={"authorization": f"bearer {TOKEN}"})).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/metrics", "/ready"])
async def test_who_watches_the_process_needs_no_token(api: Api, path: str) -> None:
    assert (await api.client.get(path, headers={"authorization": ""})).status_code in (200, 503)


@pytest.mark.parametrize("path", ["/nothing", "/v1", "/v1/", "/v1/no", "/v2/events", "/v1/decisions/1/2", "/../etc/passwd", "/docs"])
async def test_an_unknown_path_is_a_problem(api: Api, path: str) -> None:
    assert is_problem(await api.client.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/decisions"), ("DELETE", "/v1/events"), ("PUT", "/v1/labels"), ("POST", "/v1/scores/customer/c1")]
)
async def test_a_method_that_a_path_does_not_have_is_a_problem_that_names_those_it_has(api: Api, method: str, path: str) -> None:
    answer = await api.client.request(method, path)
    assert is_problem(answer, 405)
    assert answer.headers["allow"]


@pytest.mark.parametrize("id", ["' OR 1=1 --", '"; DROP TABLE latest; --', "a\x00b", "%00", "../../x", "é" * 300, "{{7*7}}", "$(id)"])
async def test_an_id_is_only_ever_an_id(api: Api, id: str) -> None:
    api.keep("1", user="c1")
    url = httpx.URL("http://api", raw_path=b"/v1/scores/customer/" + "".join(f"%{byte:02x}" for byte in id.encode()).encode())
    assert is_problem(await api.client.get(url), 404)
    api.keep("2", user=id)
    assert (await api.client.get(url)).json()["id"] == id
    assert (await api.client.get("/v1/scores/customer/c1")).status_code == 200


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=99999999999999999999999", "limit=x", "since=-1", "since=1e9", "since=" + "9" * 30,
              "action=burn",
              "cursor=x", f"cursor={encoded_cursor('[1]')}", f"cursor={encoded_cursor('x' * 50)}", "cursor=" + "x" * 2000],
)  # fmt: skip
async def test_a_bad_query_of_flagged_is_refused_by_the_name_of_its_part(api: Api, query: str) -> None:
    answer = await api.client.get(f"/v1/flagged?{query}")
    assert is_problem(answer, 422)
    assert query.partition("=")[0] in answer.json()["where"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"event_id": "1"}', b'{"event_id": "1", "label": 2}', b'{"event_id": "1", "label": true}',
             b'{"event_id": "", "label": 1}', b'{"event_id": "1", "label": 1, "lable_time": 5}',
             b'{"event_id": null, "label": 1}', b'{"event_id": "1", "label": 1, "label_time": -5}',
             b'{"event_id": "1", "label": 1, "label_time": "2023-01-01T00:00:00"}',
             b'{"event_id": "1", "label": 1, "label_time": 99999999999999}',
             b'{"event_id": "1", "label": 1, "label_time": "9999-12-31T23:59:59Z"}', b'{"event_id": "1", "label": 1, "label_time": 1e400}'],
)  # fmt: skip
async def test_a_bad_label_is_refused_and_goes_nowhere(api: Api, body: bytes) -> None:
    answer = await api.client.post("/v1/labels", content=body)
    assert is_problem(answer, answer.status_code) and answer.status_code in (400, 422)
    assert answer.json()["expected"]
    assert api.log.records == []


@pytest.mark.parametrize("path", ["/v1/events", "/v1/labels"])
async def test_a_log_that_is_down_is_a_503_that_says_when_to_come_again(api: Api, path: str) -> None:
    api.log.down = True
    body = event() if path.endswith("events") else {"event_id": "1", "label": 1}
    answer = await api.client.post(path, json=body)
    assert is_problem(answer, 503)
    assert answer.headers["retry-after"] == "1"


async def test_without_a_release_events_are_put_off(api: Api) -> None:
    api.in_force.release = None
    for path in ("/v1/events", "/v1/decisions"):
        assert is_problem(await api.client.post(path, json=event()), 503)


async def test_a_fault_of_our_own_shows_nothing_of_itself(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def burst(*given: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(api.decisions, "get", burst)
    monkeypatch.setattr(api.decisions, "latest", burst)
    for path in ("/v1/decisions/1", "/v1/scores/customer/c1"):
        answer = await api.client.get(path)
        assert is_problem(answer, 500)
        assert "secret" not in answer.text


garbage = st.one_of(
    st.binary(max_size=300),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["id", "at", "customer", "amount", "event_id", "label", "policy"]), inner)
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)
paths = st.sampled_from(
    ["/v1/events", "/v1/decisions?deadline_ms=1", "/v1/labels", "/v1/features", "/v1/policy", "/v1/schema", "/v1/models", "/v1/releases"]
)


@pytest.mark.slow
@settings(max_examples=examples(300), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=paths, body=garbage)
async def test_no_body_whatever_makes_a_5xx(api: Api, path: str, body: bytes) -> None:
    method = "PUT" if path.removeprefix("/v1/") in ("features", "policy", "schema", "models") else "POST"
    answer = await asyncio.wait_for(api.client.request(method, path, content=body), 5)
    assert answer.status_code < 500, answer.text
