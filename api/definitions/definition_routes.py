"""Routes that read and change definitions."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from api.auth.request_context import caller_of, note_subject
from api.definitions.definition_shapes import Kept, KeptParts, Put
from api.definitions.definition_texts import IfMatch, IfNoneMatch, by_of, kept_answer, put_answer, seen, text_in, text_in_force
from api.definitions.feature_versions import FeatureVersion
from api.definitions.in_force import InForce
from api.definitions.published import Published
from api.definitions.publisher import Definitions
from api.definitions.version_routes import add_version_routes
from api.definitions.versions import text_of, version_of
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import as_response, json_answer
from api.http.route_docs import route_docs
from api.lists.entries import Entries
from api.lists.list_shapes import ListChanged
from features.definitions.template import template_entry
from features.definitions.template_registry import TEMPLATES
from features.sets.catalogue import Entry
from foundation.refusal import Refusal, shortened
from patterns.lifecycle.manifest import PATTERN_PREFIX
from patterns.list_text import values_of_lists
from patterns.lists import LIST_PREFIX
from pipeline.engine.definitions.feature_catalogue import catalogue_of_release
from pipeline.engine.definitions.part_names import ALERTS, CASES, PARTS
from pipeline.engine.definitions.release import RELEASE_MAX, check_part
from stores.registry import StoredRelease

YAML_TYPE = "application/yaml"
ReleaseId = Annotated[int, Path(ge=1, le=RELEASE_MAX)]


HASHES = '{"parts": {"<part>": "<the hash of a version>"}}'


class Activations(msgspec.Struct, forbid_unknown_fields=True):
    """The versions to put in force: a hash by part."""

    parts: Annotated[dict[str, str], msgspec.Meta(min_length=1)]


class Catalogue(msgspec.Struct):
    """The features of release `release`, in the order of features.yaml."""

    release: int
    features: list[Entry]


class FeatureVersions(msgspec.Struct):
    """The versions of a feature, newest first."""

    versions: list[FeatureVersion]


class Templates(msgspec.Struct):
    """The templates that features.yaml may use."""

    templates: list[dict[str, object]]


class Releases(msgspec.Struct):
    """Releases, newest first; `next` is the parameter `before` of the page with older ones, null at the end."""

    releases: list[StoredRelease]
    next: int | None


def make_definition_routes(definitions: Definitions, in_force: InForce, entries: Entries) -> APIRouter:
    """The routes that read and change each part of a release, its versions, and the releases."""
    routes = late_routes("definitions")
    for part in PARTS:
        _add_part(routes, part, definitions, in_force)
    _add_catalogue(routes, definitions, in_force)
    for part in PARTS:  # after the route of one feature's versions, because a feature may have the name versions
        add_version_routes(routes, f"/{part}", _always(part), YAML_TYPE, definitions, in_force)
    _add_releases(routes, definitions)
    _add_publishing(routes, definitions, entries)
    return routes


def _add_catalogue(routes: APIRouter, definitions: Definitions, in_force: InForce) -> None:
    @routes.get(
        "/features/catalogue",
        summary="Each feature in force: what it is, what it reads, who uses it, what it costs",
        **route_docs(Catalogue),
    )
    def catalogue() -> Response:
        """Features are in the order of features.yaml. A feature's version changes when its values get another meaning."""
        release, _ = in_force.require()
        return as_response(json_answer(200, Catalogue(release.id, list(catalogue_of_release(release).values()))))

    @routes.get(
        "/features/{name}/versions",
        summary="The versions of a feature, newest first",
        **route_docs(FeatureVersions, 404),
    )
    def versions(name: str) -> Response:
        """Releases that did not change the feature are left out; a version of null means that a release removed it."""
        return as_response(json_answer(200, FeatureVersions(definitions.feature_versions(name))))

    @routes.get("/templates", summary="The templates of features, with their parameters and an example each", **route_docs(Templates))
    def templates() -> Response:
        """The templates that features.yaml may use."""
        return as_response(json_answer(200, Templates([template_entry(template) for template in TEMPLATES.values()])))


def _add_releases(routes: APIRouter, definitions: Definitions) -> None:
    @routes.get("/releases", summary="The newest releases, newest first", **route_docs(Releases))
    def releases(
        limit: Annotated[int, Query(ge=1, le=200)] = 20,
        before: Annotated[int | None, Query(ge=1, le=RELEASE_MAX + 1, description="`next` of the page before")] = None,
    ) -> Response:
        """Each release has the hashes of its parts, its author and its time."""
        found = definitions.registry.releases(limit, before)
        following = found[-1].id if len(found) == limit and found[-1].id > 1 else None
        return as_response(json_answer(200, Releases(found, following)))

    @routes.get("/releases/{id}", summary="A release: the hashes of its parts, its author and its time", **route_docs(StoredRelease, 404))
    def one(id: ReleaseId) -> Response:
        """``/ready`` says which release is in force."""
        return as_response(json_answer(200, definitions.release(id)))

    @routes.post(
        "/releases/{id}:activate", summary="Rolls back: a new release with the parts of an earlier one", **route_docs(Published, 404)
    )
    async def activate(id: ReleaseId, request: Request) -> Response:
        """The new release has all parts of the earlier one. Entries of lists and the kill switch stay as they are."""
        definitions.approval.require_approver(caller_of(request))
        published = await definitions.go_back(id, by_of(request))
        note_subject(request, f"release {published.release} with the parts of release {id}")
        return as_response(json_answer(200, published))


def _add_publishing(routes: APIRouter, definitions: Definitions, entries: Entries) -> None:
    @routes.post(
        "/releases",
        summary="Puts the texts of several parts, a JSON object by part, in force together as one release",
        **route_docs(Published, body=dict[str, str], waiting=KeptParts),
    )
    async def release(request: Request) -> Response:
        """Parts that are not named stay as they are. A list is named ``list:<name>``, and its text has one entry on each line. A rule is
        named ``pattern:<id>``; one that was there before keeps its status, and a new one watches at most until it is activated.

        Entries are written to their lists at once, like those of a configuration folder. With 202 the definitions are stored and wait for
        an approver, because the caller may not put them in force alone.
        """
        texts = read_parts(await request.body())
        values = await asyncio.to_thread(values_of_lists, texts)
        if not definitions.approval.acts_alone(caller_of(request)):
            kept = await definitions.keep(texts, by_of(request))
            lists = await entries.push(values, by_of(request))
            note_subject(request, f"versions of {', '.join(kept.parts)}{_of_lists(lists)}")
            return as_response(json_answer(202, msgspec.structs.replace(kept, lists=lists)))
        published = await definitions.put(texts, by_of(request))
        lists = await entries.push(values, by_of(request))
        note_subject(request, f"release {published.release}{_of_lists(lists)}")
        return as_response(json_answer(200, msgspec.structs.replace(published, lists=lists)))

    @routes.post(
        "/releases:activate",
        summary="Puts stored versions of several parts, a hash each, in force together as one release",
        **route_docs(Published, 404, body=Activations),
    )
    async def activate_parts(request: Request) -> Response:
        """Parts that are not named stay as they are. A version that was never in force needs an approver who is not its author."""
        wanted = read_json(await request.body(), Activations, "activation", HASHES).parts
        for part, hash in wanted.items():
            check_part(part)
            version = await asyncio.to_thread(version_of, definitions.registry, part, hash)
            definitions.approval.require_other_author(caller_of(request), version)
        texts = {part: await asyncio.to_thread(text_of, definitions.registry, part, hash) for part, hash in wanted.items()}
        published = await definitions.put(texts, by_of(request))
        note_subject(request, f"release {published.release} with {', '.join(f'{part} {hash}' for part, hash in wanted.items())}")
        return as_response(json_answer(200, published))


def read_parts(body: bytes) -> dict[str, str]:
    """Reads the texts in `body`, by part.

    Raises:
        Refusal: it is not a JSON object of texts, is empty, or has a name that is not a part.
    """
    expected = "a JSON object of texts by " + ", ".join((*PARTS, ALERTS, CASES, LIST_PREFIX + "<name>", PATTERN_PREFIX + "<id>"))
    texts = read_json(body, dict[str, str], "release", expected)
    unknown = [name for name in texts if name not in (*PARTS, ALERTS, CASES) and not name.startswith((LIST_PREFIX, PATTERN_PREFIX))]
    if unknown or not texts:
        raise Refusal("bad release", where="release", expected=expected, got=shortened(", ".join(unknown) or "nothing", 200))
    for name in texts:
        check_part(name)
    return texts


def _of_lists(lists: Mapping[str, ListChanged]) -> str:
    """The changes that a push made to entries, for the audit log."""
    return "".join(f"; list {name}: {each.added} added, {each.removed} removed" for name, each in lists.items() if each.changed)


def _always(part: str) -> Callable[[], str]:
    def part_of() -> str:
        """The part that the path names."""
        return part

    return part_of


def _add_part(routes: APIRouter, part: str, definitions: Definitions, in_force: InForce) -> None:
    @routes.get(f"/{part}", name=f"read_{part}", summary=f"{part}.yaml of the release in force", **route_docs(YAML_TYPE, 304))
    def read(if_none_match: IfNoneMatch = None) -> Response:
        """The text as it was uploaded; the header ``weir-release`` is the id of the release in force."""
        return text_in_force(in_force, part, if_none_match, YAML_TYPE)

    summary = f"Puts a new {part}.yaml in force as a new release; a text that does not compile is refused with line and column"

    @routes.put(f"/{part}", name=f"put_{part}", summary=summary, **route_docs(Put, 412, text=YAML_TYPE, waiting=Kept))
    async def write(request: Request, if_match: IfMatch = None) -> Response:
        """The body is the YAML text. The answer comes once the new release is on the control topic, from which every stage takes it.

        With 202 the text is stored and waits for an approver, because the caller may not put it in force alone.
        """
        text = await text_in(request, f"{part}.yaml")
        if not definitions.approval.acts_alone(caller_of(request)):
            kept = await definitions.keep({part: text}, by_of(request), seen(part, if_match))
            return as_response(kept_answer(request, 202, kept, part, in_force))
        return as_response(put_answer(request, await definitions.put({part: text}, by_of(request), seen(part, if_match)), part))
