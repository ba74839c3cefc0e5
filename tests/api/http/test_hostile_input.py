"""Requests that mean no good, each answered with a problem that names what is wrong and nothing of the inside."""

import httpx
import pytest
from api_imitation import TEXTS, Api, event

from api.http.problem_types import TYPES

URIS = {each.uri for each in TYPES}
INJECTIONS = [
    "' OR '1'='1", "'; DROP TABLE decision; --", '"; DROP KEYSPACE weir; --', "1; SELECT * FROM release", "x' ALLOW FILTERING --",
    "%' UNION SELECT 1,2--", "$$ OR 1 = 1 $$", "\\'; --", "0x27", "../../../../etc/passwd", "..\\..\\x", "a/b/c", "\x00", "a\x00'b",
    "\x7f", "\ufffe", "\U0001f600", "é" * 200, "x" * 20_000, "{{7*7}}", "${jndi:ldap://x}", "<script>alert(1)</script>",
    "\r\nset-cookie: a=b", "*", "?", "#", "%", "%2e%2e%2f",
]  # fmt: skip
HARMFUL = [
    "a: &a [x,x]\nb: [*a,*a]", "!!python/object/apply:os.system ['id']", "x: " + "[" * 5_000, "? " * 1_000, "\t", "%YAML 9.9\n---",
    "a: !!binary x", "- " * 3_000, "\x00", "\ufeff", "'" * 999,
]  # fmt: skip
ROUTES = [
    "/v1/decisions/{}", "/v1/scores/customer/{}", "/v1/scores/{}/x", "/v1/entities/customer/{}", "/v1/entities/customer/{}/decisions",
    "/v1/entities/{}/x", "/v1/policy/versions/{}", "/v1/features/{}/versions", "/v1/lists/{}", "/v1/lists/{}/versions", "/v1/releases/{}",
    "/v1/policy/diff?from={}", "/v1/flagged?cursor={}", "/v1/entities/customer/c1/decisions?before={}",
    "/v1/stream?entity=customer&id=x&action={}",
]  # fmt: skip


def is_problem(answer: httpx.Response, *statuses: int) -> bool:
    """The one shape of RFC 9457."""
    assert answer.status_code in statuses, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    return body["status"] == answer.status_code and bool(body["title"]) and bool(body["detail"]) and body["type"] in URIS


@pytest.mark.parametrize("route", ROUTES)
async def test_a_text_that_would_be_a_command_is_only_ever_a_text(api: Api, route: str) -> None:
    api.keep("1")
    for text in INJECTIONS:
        quoted = "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))
        answer = await api.client.get(httpx.URL("http://api", raw_path=route.format(quoted).encode()))
        if answer.status_code == 200:  # a page of an entity that has nothing
            assert answer.json() in ({"decisions": [], "next": None}, {"versions": []})
        else:
            assert is_problem(answer, 404, 422, 405)
        assert "traceback" not in answer.text.lower()
        assert "sqlite" not in answer.text.lower()
    assert (await api.client.get("/v1/decisions/1")).status_code == 200
    assert (await api.client.get("/v1/entities/customer/c1")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/flagged?limit=", "/v1/entities/customer/c1?limit=", "/v1/entities/customer/c1/decisions?limit=", "/v1/releases?limit=",
             "/v1/policy/versions?limit=", "/v1/releases?before="],
)  # fmt: skip
async def test_a_page_of_any_other_size_is_refused_by_the_name_of_its_parameter(api: Api, path: str) -> None:
    for value in ("0", "-1", "9" * 40, "1e9", "0x10", "nan", "", "1 OR 1"):
        answer = await api.client.get(path + value)
        assert is_problem(answer, 422)
        assert answer.json()["where"] == path.partition("?")[2].rstrip("=")


@pytest.mark.parametrize("path", ["/v1/flagged?cursor=", "/v1/entities/customer/c1/decisions?before=", "/v1/audit?cursor="])
async def test_a_cursor_that_no_page_gave_out_is_refused_by_the_name_of_its_parameter(api: Api, path: str) -> None:
    answer = await api.client.get(path + "bm9wZQ==")
    assert is_problem(answer, 422)
    assert answer.json()["where"] == path.partition("?")[2].rstrip("=")


@pytest.mark.parametrize("path", ["/v1/events", "/v1/decisions", "/v1/labels", "/v1/releases", "/v1/policy:bypass", "/v1/policy:activate",
                                  "/v1/lists/a:edit", "/v1/tokens"])  # fmt: skip
async def test_a_body_that_is_no_json_is_a_bad_request(api: Api, path: str) -> None:
    for body in (b"", b"{", b"}{", b"not JSON", b"\xff\xfe\x00", b"{'a': 1}"):
        answer = await api.client.post(path, content=body)
        assert is_problem(answer, 400)
        assert answer.json()["what"] == "not JSON"
    assert api.log.records == []


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/labels", {"event_id": "1", "label": 1, "who": "x"}),
                       ("/v1/policy:bypass", {"mode": "off", "reason": "x", "who": 1}),
                       ("/v1/policy:activate", {"hash": "x", "who": 1}), ("/v1/lists/a:edit", {"add": [], "who": 1}),
                       ("/v1/releases", {"who": "x"})],
)  # fmt: skip
async def test_an_unknown_field_is_refused_by_its_name(api: Api, path: str, body: dict[str, object]) -> None:
    answer = await api.client.post(path, json=body)
    assert is_problem(answer, 422)
    assert "who" in answer.text


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/events"), ("POST", "/v1/decisions"), ("PUT", "/v1/policy"), ("PUT", "/v1/lists/a")]
)
async def test_a_body_that_says_it_is_something_else_is_refused(api: Api, method: str, path: str) -> None:
    for kind in ("text/html", "multipart/form-data; boundary=x", "application/xml", "image/png", "application/json5", "json"):
        answer = await api.client.request(method, path, json=event(), headers={"content-type": kind})
        assert is_problem(answer, 415)
    assert api.log.records == []


async def test_a_body_of_a_type_that_holds_json_is_taken(api: Api) -> None:
    for kind in ("application/json; charset=utf-8", "Application/JSON", "application/cloudevents+json", "text/plain", ""):
        assert (await api.client.post("/v1/events", json=event(), headers={"content-type": kind})).status_code == 202


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/flagged", "/v1/policy", "/health", "/v1/policy:nothing", "/"])
async def test_every_method_on_every_path_is_answered_in_the_one_shape(api: Api, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "x"):
        answer = await api.client.request(method, path, content=b"")
        if answer.status_code >= 400 and method != "HEAD":
            assert is_problem(answer, 404, 405, 422)
        if answer.status_code == 405:
            assert answer.headers["allow"]


@pytest.mark.parametrize("part", ["schema", "features", "models", "policy"])
async def test_a_definition_that_would_harm_its_reader_is_refused_with_its_place(api: Api, part: str) -> None:
    for text in HARMFUL:
        for method, path in (("PUT", f"/v1/{part}"), ("POST", f"/v1/{part}/versions")):
            answer = await api.client.request(method, path, content=text.encode())
            assert is_problem(answer, 422)
            assert answer.json()["where"]
    assert api.in_force.texts == TEXTS


MEBIBYTE = {
    "brackets": b"[" * (1 << 20),
    "brackets that close": b"[" * (1 << 19) + b"]" * (1 << 19),
    "objects": b'{"a":' * 200_000,
    "brackets in a field that nobody reads": b'{"id":1,"at":1,"customer":"a","x":' + b"[" * 1_000_000,
    "brackets in a list of labels": b'[{"event_id":' + b"[" * 1_000_000,
}


@pytest.mark.parametrize("body", MEBIBYTE.values(), ids=MEBIBYTE.keys())
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/events"), ("POST", "/v1/decisions"), ("POST", "/v1/labels"), ("POST", "/v1/releases"), ("POST", "/v1/policy:bypass"),
     ("POST", "/v1/policy:activate"), ("POST", "/v1/lists/a:edit"), ("POST", "/v1/tokens"), ("PUT", "/v1/features"), ("PUT", "/v1/lists/a"),
     ("POST", "/v1/models/versions")],
)  # fmt: skip
async def test_a_mebibyte_of_brackets_is_refused_whatever_takes_it(api: Api, method: str, path: str, body: bytes) -> None:
    assert is_problem(await api.client.request(method, path, content=body), 400, 413, 422)
    assert api.log.records == []
    assert (await api.client.post("/v1/events", json=event())).status_code == 202
