"""The routes of rules: they read, upload and remove texts, and move a rule through its life."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, NamedTuple

import msgspec
from fastapi import APIRouter, Path, Request, Response

from api.auth.request_context import caller_of, note_subject
from api.definitions.definition_shapes import KeptParts
from api.definitions.definition_texts import IfMatch, IfNoneMatch, by_of, seen, text_in, text_in_force
from api.definitions.in_force import InForce
from api.definitions.published import Published
from api.definitions.publisher import Definitions
from api.definitions.version_routes import add_reading_of_versions
from api.definitions.versions import text_of, version_of
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.problem_types import NEEDS_APPROVER
from api.http.route_docs import route_docs
from api.patterns.changes import waits_for_approval, with_approval, with_earlier_text, with_move, with_rules, without_rule
from api.patterns.promotion_gate import Measuring
from api.patterns.remarks import Remarks
from api.patterns.rule_shapes import RuleInForce, RuleRemarks, ShownRules
from api.patterns.rules_in_force import part_of_rule, shown_rule, shown_rules, standing_in, standings_in
from api.trials.change import Changes
from foundation.refusal import Refusal
from patterns.lifecycle.manifest import MANIFEST
from patterns.lifecycle.moves import MOVES
from stores.registry import Registry, StoredRelease

YAML_TYPE = "application/yaml"
LOOKED_AT = 1_000
"""An earlier approval of a text is looked for in so many of the newest releases."""
Reason = Annotated[str, msgspec.Meta(max_length=500)]
_FOLDER = '{"patterns": {"<id>": "<the text of the rule>"}}'
_VERSION = '{"hash": "<the hash of a version>"}'
_MOVE = '{"reason": "…"}'
_ACTIVATE = '{"reason": "…", "override": false}'
_CANARY = '{"share": 0.05, "reason": "…", "override": false}'
_SUMMARIES = {
    "shadow": "Lets a rule watch without acting",
    "canary": "Lets a rule act for a share of the entities, always the same ones",
    "activate": "Lets a rule act for all",
    "pause": "Stops a rule; it keeps its place",
    "retire": "Ends a rule for good",
}


class PublishedRules(Published, omit_defaults=True):
    """The result of an upload of rules; `remarks` say by id what each costs, and of what its author is warned."""

    remarks: dict[str, RuleRemarks] = msgspec.field(default_factory=dict)


class UploadedRules(msgspec.Struct, forbid_unknown_fields=True):
    """Texts of rules by id. All of them are taken, or none."""

    patterns: Annotated[dict[str, str], msgspec.Meta(min_length=1)]


class WantedVersion(msgspec.Struct, forbid_unknown_fields=True):
    """A version of a rule's text, and why it is wanted, for the audit log."""

    hash: str
    reason: Reason = ""


class Move(msgspec.Struct, forbid_unknown_fields=True):
    """Says why a rule is moved, for the audit log."""

    reason: Reason = ""


class MoveToActive(msgspec.Struct, forbid_unknown_fields=True):
    """Says why a rule acts from now on; `override` lets it act although it does not keep the bounds of its promotion."""

    reason: Reason = ""
    override: bool = False


class MoveToCanary(msgspec.Struct, forbid_unknown_fields=True):
    """Says for which share of the entities a canary acts; null keeps the share that it has, or begins with 0.05. `reason` is why.

    `override` lets it act although it does not keep the bounds of its promotion.
    """

    share: Annotated[float, msgspec.Meta(gt=0.0, le=1.0)] | None = None
    reason: Reason = ""
    override: bool = False


def part_of(id: Annotated[str, Path(description="lower-case letters, digits and underscores")]) -> str:
    """The part that holds the rule `id`."""
    return part_of_rule(id)


def make_pattern_routes(definitions: Definitions, in_force: InForce, measuring: Measuring, remarks: Remarks) -> APIRouter:
    """The routes ``/patterns`` and below."""
    routes = late_routes("patterns")
    _add_texts(routes, definitions, in_force, remarks)
    add_reading_of_versions(routes, "/patterns/{id}", part_of, YAML_TYPE, definitions, in_force)
    _add_life(routes, definitions, in_force, measuring)
    return routes


def _add_texts(routes: APIRouter, definitions: Definitions, in_force: InForce, remarks: Remarks) -> None:
    @routes.get("/patterns", summary="The rules of the release in force, and what they may do", **route_docs(ShownRules))
    def rules() -> Response:
        """They come in the order of their ids."""
        return as_response(json_answer(200, shown_rules(in_force)))

    @routes.get("/patterns/{id}", summary="The text of a rule in force", **route_docs(YAML_TYPE, 304, 404))
    def read(id: str, if_none_match: IfNoneMatch = None) -> Response:
        """The text as it was uploaded; its ETag is its hash. The header ``weir-status`` says what the rule may do."""
        answer = text_in_force(in_force, part_of_rule(id), if_none_match, YAML_TYPE)
        answer.headers["weir-status"] = standing_in(in_force.texts, id).status
        return answer

    @routes.put("/patterns/{id}", summary="Uploads the text of a rule", **route_docs(RuleInForce, 412, text=YAML_TYPE, waiting=KeptParts))
    async def put(id: str, request: Request, if_match: IfMatch = None) -> Response:
        """A new rule is a draft, or a shadow where its text says so. One that is there keeps what it may do.

        With 202 the text of a rule that acts is stored and waits for an approver, since the caller may not change decisions alone.
        """
        part = part_of_rule(id)
        rules = {id: await text_in(request, f"patterns/{id}.yaml")}
        return await _upload(request, rules, seen(part, if_match))

    @routes.post(
        "/patterns:upload",
        summary="Uploads the texts of several rules, all or none",
        **route_docs(PublishedRules, body=UploadedRules, waiting=KeptParts),
    )
    async def upload(request: Request) -> Response:
        """Rules that are not named stay as they are. With 202 all wait for an approver, since one of them acts already."""
        rules = read_json(await request.body(), UploadedRules, "rules", _FOLDER).patterns
        return await _upload(request, rules, {})

    @routes.delete("/patterns/{id}", summary="Removes a rule that is a draft or retired", **route_docs(Published, 404, 409))
    async def remove(id: str, request: Request) -> Response:
        """Its versions can be read on, and decisions that it matched still name it."""
        published = await definitions.edit(lambda texts: without_rule(texts, id), by_of(request))
        note_subject(request, f"release {published.release}: rule {id} removed")
        return as_response(json_answer(200, published))

    async def _upload(request: Request, rules: dict[str, str], seen: dict[str, str]) -> Response:
        caller, approval = caller_of(request), definitions.approval
        in_force.require()
        named = ", ".join(sorted(rules))
        if waits_for_approval(in_force.texts, rules, approval, caller):
            kept = await definitions.keep({part_of_rule(id): text for id, text in rules.items()}, caller.name, seen)
            note_subject(request, f"versions of {named}, which wait for an approver")
            return as_response(json_answer(202, kept))
        published = await definitions.edit(lambda texts: with_rules(texts, rules, approval, caller), caller.name, seen)
        note_subject(request, f"release {published.release}: {named}")
        found = await remarks.about(rules)
        if request.method != "PUT":
            whole = PublishedRules(**msgspec.structs.asdict(published), remarks=found)
            return as_response(json_answer(200, whole))
        [id] = rules
        shown = shown_rule(in_force.texts, id)
        return as_response(json_answer(200, RuleInForce(published.release, published.changed, shown, found.get(id))))


def _add_life(routes: APIRouter, definitions: Definitions, in_force: InForce, measuring: Measuring) -> None:
    for verb in MOVES:
        _add_move(routes, verb, definitions, in_force, measuring)

    @routes.post("/patterns/{id}:approve", summary="Approves a text of a rule", **route_docs(RuleInForce, 404, body=WantedVersion))
    async def approve(id: str, request: Request) -> Response:
        """Whoever has stored the text may not approve it. If another text is in force, the approved one takes its place."""
        wanted = await _wanted(request)
        author, text = await _version(definitions.registry, id, wanted.hash)
        caller, approval = caller_of(request), definitions.approval
        approval.require_approver(caller)
        if not approval.acts_alone(caller) and author == caller.name:
            detail = f"{caller.name} stored this text of the rule {id}, so another approver or an admin has to approve it"
            raise Problem(403, detail, type=NEEDS_APPROVER)
        said = _Said("approve", wanted.reason)
        return await _changed(request, definitions, in_force, id, lambda texts: with_approval(texts, id, text, caller.name), said)

    @routes.post(
        "/patterns/{id}:roll_back",
        summary="Gives a rule a text that it had before",
        **route_docs(RuleInForce, 404, 409, body=WantedVersion),
    )
    async def roll_back(id: str, request: Request) -> Response:
        """It keeps its status. A rule that acts goes back only to a text that was approved."""
        wanted = await _wanted(request)
        _, text = await _version(definitions.registry, id, wanted.hash)
        caller, approval = caller_of(request), definitions.approval
        approval.require_approver(caller)
        alone = caller.name if approval.acts_alone(caller) else ""
        by = await asyncio.to_thread(_approved_by, definitions.registry, id, wanted.hash) or alone
        said = _Said("roll_back", wanted.reason)
        return await _changed(request, definitions, in_force, id, lambda texts: with_earlier_text(texts, id, text, by), said)


_SHAPES: Mapping[str, tuple[type[Move | MoveToActive | MoveToCanary], str]] = {
    "canary": (MoveToCanary, _CANARY),
    "activate": (MoveToActive, _ACTIVATE),
}


def _add_move(routes: APIRouter, verb: str, definitions: Definitions, in_force: InForce, measuring: Measuring) -> None:
    shape, expected = _SHAPES.get(verb, (Move, _MOVE))

    @routes.post(
        f"/patterns/{{id}}:{verb}",
        name=f"{verb}_pattern",
        summary=_SUMMARIES[verb],
        **route_docs(RuleInForce, 404, 409, body=shape, optional=True),
    )
    async def move(id: str, request: Request) -> Response:
        """A verb that leads nowhere from the rule's status is refused with 409, and so is a text that nobody has approved.

        So is a rule that does not keep the bounds of its promotion, with what was measured and what is needed.
        """
        wanted = read_json(await request.body() or b"{}", shape, "move", expected)
        share = wanted.share if isinstance(wanted, MoveToCanary) else None
        caller, approval = caller_of(request), definitions.approval
        standing = standing_in(in_force.texts, id)
        if MOVES[verb].approvers_only:
            approval.require_approver(caller)
        approver = caller.name if approval.acts_alone(caller) else ""

        def moved(texts: Mapping[str, str]) -> Changes:
            if standing_in(texts, id).hash != standing.hash:
                raise Problem(409, f"the rule {id} has got another text meanwhile; look at it and say it again")
            return with_move(texts, id, verb, share, approver)

        with_move(in_force.texts, id, verb, share, approver)  # what leads nowhere is said before anything is measured
        noted = ""
        if not isinstance(wanted, Move) and standing.status != "active":
            noted = await measuring.require_promotable(id, wanted.override, wanted.reason)
        return await _changed(request, definitions, in_force, id, moved, _Said(verb, noted + wanted.reason))


class _Said(NamedTuple):
    """What somebody said of a rule, and why."""

    verb: str
    reason: str


async def _changed(
    request: Request, definitions: Definitions, in_force: InForce, id: str, change: Callable[[Mapping[str, str]], Changes], said: _Said
) -> Response:
    in_force.require()
    before = standing_in(in_force.texts, id)
    published = await definitions.edit(change, by_of(request))
    shown = shown_rule(in_force.texts, id)
    why = f": {said.reason}" if said.reason else ""
    subject = f"release {published.release}: rule {id} {said.verb}: {before.status} to {shown.status}, {shown.hash[:12]}{why}"
    note_subject(request, subject)
    return as_response(json_answer(200, RuleInForce(published.release, published.changed, shown)))


async def _wanted(request: Request) -> WantedVersion:
    return read_json(await request.body(), WantedVersion, "version", _VERSION)


async def _version(registry: Registry, id: str, hash: str) -> tuple[str, str]:
    """Who stored the version `hash` of the rule `id`, and its text."""
    part = part_of_rule(id)
    version = await asyncio.to_thread(version_of, registry, part, hash)
    return version.by, await asyncio.to_thread(text_of, registry, part, hash)


def _approved_by(registry: Registry, id: str, hash: str) -> str:
    """Who approved a text of the rule `id`, as the newest releases say; '' if nobody did."""
    for release in registry.releases(LOOKED_AT):
        approved_by = _approval_in(registry, release, id, hash)
        if approved_by:
            return approved_by
    return ""


def _approval_in(registry: Registry, release: StoredRelease, id: str, hash: str) -> str:
    if release.parts.get(part_of_rule(id)) != hash or MANIFEST not in release.parts:
        return ""
    try:
        standing = standings_in({MANIFEST: registry.text(release.parts[MANIFEST]) or "{}"}).get(id)
    except Refusal:
        return ""
    return standing.approved_by if standing is not None and standing.hash == hash else ""
