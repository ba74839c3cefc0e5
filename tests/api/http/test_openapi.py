"""The OpenAPI document says what the application does: requests made from it find no answer that it does not know."""

import pathlib
import warnings
from collections.abc import Iterator

import httpx
import pytest
from api_imitation import TOKEN, Api
from example_counts import examples
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from served import served

NAMES = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
ENDLESS = ["/v1/stream", "/v1/stream/cases"]
WITHOUT_BODY = {
    "/v1/sessions:link",
    "/v1/releases/{id}:activate",
    "/v1/jobs/{id}:cancel",
    "/v1/cases/{id}:claim",
    "/v1/cases/{id}:release",
    "/v1/cases/{id}/verdicts/{verdict}:undo",
    "/v1/webhooks/{id}:drop_older_keys",
    "/v1/webhooks/{id}:test",
}
"""What is changed by these needs no words."""
EXAMPLES = examples(8)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server with one decision in its store."""
    folder: pathlib.Path = tmp_path_factory.mktemp("openapi")
    api = Api(folder)
    api.keep("1", "review")
    for part in api.health.parts:  # a 503 of /ready is no fault
        api.health.found(part, "")
    with served(api) as port:
        yield f"http://127.0.0.1:{port}"
    api.decisions.close()
    api.database.close()


@pytest.fixture(scope="module")
def headers() -> dict[str, str]:
    return {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def document(url: str, headers: dict[str, str]) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    return httpx.get(f"{url}/v1/openapi.json", headers=headers, timeout=60).raise_for_status().json()


@pytest.mark.slow
def test_no_request_made_from_the_document_finds_a_fault_or_an_answer_that_it_does_not_know(url: str, headers: dict[str, str]) -> None:
    import schemathesis  # seconds, which every worker that collects this file would take
    from schemathesis.checks import CHECKS, load_all_checks

    load_all_checks()
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    schema = schemathesis.openapi.from_url(f"{url}/v1/openapi.json", headers=headers).exclude(path=ENDLESS)
    checks = [CHECKS.get_one(name) for name in NAMES]
    seen = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        seen += 1

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(data=st.data())
        def ask(data: st.DataObject) -> None:
            case = data.draw(operation.as_strategy(generation_mode=data.draw(st.sampled_from(modes))))  # noqa: B023 - run before the next one
            case.call_and_validate(checks=checks, headers=headers, timeout=20)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ask()
    assert seen > 40


def test_every_route_tells_its_answers_and_what_it_takes(document: dict[str, dict[str, dict[str, dict[str, object]]]]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            told = f"{method} {path}"
            answers = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            assert answers and all("schema" in kind for answer in answers for kind in answer["content"].values()), told
            assert operation["summary"], told
            if method in ("put", "post") and path not in WITHOUT_BODY:
                assert operation["requestBody"]["content"], told
            if path.startswith("/v1"):
                assert operation["security"] == [{"token": []}], told
                assert "application/problem+json" in operation["responses"]["422"]["content"], told


def test_every_reference_of_the_document_leads_somewhere(document: dict[str, dict[str, dict[str, dict[str, object]]]]) -> None:
    def references(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for name, inner in value.items():
                yield from [inner] if name == "$ref" else references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    named = {reference.removeprefix("#/components/schemas/") for reference in references(document)}
    assert named <= set(document["components"]["schemas"])
    assert "Problem" in named
