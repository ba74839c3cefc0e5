"""Routes that read and change definitions."""

from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.calling import caller_of, note_subject
from api.definitions import Definitions
from api.in_force import InForce
from api.problem import json_answer
from api.reads import as_response
from features.catalogue import NO_DIFFERENCE, Difference
from features.refusal import Refusal, shortened
from features.template import template_entry
from features.template_registry import TEMPLATES
from pipeline.feature_catalogue import catalogue_of_release
from pipeline.release import PARTS

YAML_TYPE = "application/yaml"


class Put(msgspec.Struct, omit_defaults=True):
    """The answer to the upload of one part; `changed` is false when the text was in force already. The rest as in `Published`."""

    release: int
    hash: str
    changed: bool
    features: Difference = NO_DIFFERENCE
    warming: tuple[str, ...] = ()


def make_definition_routes(definitions: Definitions, in_force: InForce) -> APIRouter:
    """``GET`` and ``PUT`` of each part of a release, and the list of releases."""
    routes = APIRouter(tags=["definitions"])
    for part in PARTS:
        routes.get(f"/{part}", name=f"read_{part}", summary=f"{part}.yaml of the release in force")(_reader(part, in_force))
        summary = f"Puts a new {part}.yaml in force, as a release of its own; refused with line and column when it does not compile"
        routes.put(f"/{part}", name=f"put_{part}", summary=summary)(_writer(part, definitions))

    @routes.get("/features/catalogue", summary="Each feature in force: what it is, what it reads, who uses it, what it costs")
    def catalogue() -> Response:
        """In the order of features.yaml; a version is another one when the values mean something else."""
        release, _ = in_force.require()
        return as_response(json_answer(200, {"release": release.id, "features": list(catalogue_of_release(release).values())}))

    @routes.get("/features/{name}/versions", summary="What a feature was in one release after another, newest first")
    def versions(name: str) -> Response:
        """Releases that leave the feature as it was are passed over; a version of null says that it was taken out."""
        return as_response(json_answer(200, {"versions": definitions.feature_versions(name)}))

    @routes.get("/templates", summary="The templates of features, with their parameters and an example each")
    def templates() -> Response:
        """What may be written in features.yaml."""
        return as_response(json_answer(200, {"templates": [template_entry(template) for template in TEMPLATES.values()]}))

    @routes.get("/releases", summary="The newest releases, newest first")
    def releases(limit: Annotated[int, Query(ge=1, le=200)] = 20) -> Response:
        """Each with the hashes of its parts, by whom and when."""
        return as_response(json_answer(200, {"releases": definitions.releases(limit)}))

    @routes.post("/releases", summary="Puts the YAML texts of several parts, a JSON object by part, in force together as one release")
    async def release(request: Request) -> Response:
        """Parts that are not named stay as they are."""
        published = await definitions.put(read_parts(await request.body()), caller_of(request).name)
        note_subject(request, f"release {published.release}")
        return as_response(json_answer(200, published))

    return routes


def read_parts(body: bytes) -> dict[str, str]:
    """The texts of `body` by part.

    Raises:
        Refusal: it is not an object of texts, is empty, or names something that is no part.
    """
    expected = "a JSON object of YAML texts by " + ", ".join(PARTS)
    try:
        texts = msgspec.json.decode(body, type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal("bad release", where="release", expected=expected, got=shortened(str(error), 200)) from error
    unknown = [name for name in texts if name not in PARTS]
    if unknown or not texts:
        raise Refusal("bad release", where="release", expected=expected, got=shortened(", ".join(unknown) or "nothing", 200))
    return texts


def _reader(part: str, in_force: InForce) -> Callable[[], Response]:
    def read() -> Response:
        """The text as it was uploaded; the header ``weir-release`` has the release that it is part of."""
        release, _ = in_force.require()
        return Response(in_force.texts[part], media_type=YAML_TYPE, headers={"weir-release": str(release.id)})

    return read


def _writer(part: str, definitions: Definitions) -> Callable[[Request], object]:
    async def write(request: Request) -> Response:
        """The body is the YAML text; the answer comes once the new release is on its way to every stage."""
        body = await request.body()
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise Refusal("not text", where=f"{part}.yaml", expected="YAML in UTF-8", got=str(error)) from error
        published = await definitions.put({part: text}, caller_of(request).name)
        note_subject(request, f"release {published.release}")
        put = Put(published.release, published.parts[part], published.changed, published.features, published.warming)
        return as_response(json_answer(200, put))

    return write
