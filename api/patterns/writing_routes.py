"""The routes that help somebody who writes a rule: what it may say, what its tests give, and where it may go from here."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response

from api.auth.permissions import Caller
from api.auth.request_context import caller_of
from api.definitions.approval import Approval
from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import as_response, json_answer
from api.http.route_docs import route_docs
from api.patterns.rule_shapes import RuleMove, RuleMoves, RuleName, RuleTest, RuleTests, RuleVocabulary
from api.patterns.rules_in_force import standing_in
from features.expressions.functions.functions import STANDARD
from patterns.language.cost import STATE_BYTES_MAX, UNITS_MAX
from patterns.language.json_schema import pattern_schema
from patterns.language.rule_folder import check_id
from patterns.language.scope import Scope
from patterns.lifecycle.manifest import Standing
from patterns.lifecycle.moves import MOVES, Move
from patterns.lists import list_names
from pipeline.engine.definitions.release import Release

TEXT_CHARACTERS_MAX = 1_000_000
_RULE = '{"id": "<the id of the rule>", "text": "<its text>"}'


class WrittenRule(msgspec.Struct, forbid_unknown_fields=True):
    """The text of a rule as somebody writes it."""

    id: str
    text: Annotated[str, msgspec.Meta(max_length=TEXT_CHARACTERS_MAX)]


def make_writing_routes(definitions: Definitions, in_force: InForce) -> APIRouter:
    """The routes ``/patterns:test``, ``/patterns:vocabulary`` and ``/patterns/{id}/moves``."""
    routes = late_routes("patterns")

    @routes.post("/patterns:test", summary="Checks the text of a rule, and runs its tests", **route_docs(RuleTests, body=WrittenRule))
    async def test(request: Request) -> Response:
        """Nothing is stored. A text that does not compile beside the definitions in force is refused with line and column."""
        written = read_json(await request.body(), WrittenRule, "rule", _RULE)
        found = await definitions.test(check_id(written.id), written.text)
        tests = [RuleTest(each.name, each.line, not each.problem, each.problem) for each in found.tests]
        shown = RuleTests(tests, found.cost_ns, UNITS_MAX, found.state_bytes, STATE_BYTES_MAX, list(found.warnings))
        return as_response(json_answer(200, shown))

    @routes.get("/patterns:vocabulary", summary="What rules may say beside the release in force", **route_docs(RuleVocabulary))
    def vocabulary() -> Response:
        """Editors complete and check the file of a rule by it. A rule has names of its own too: parameters, thresholds and steps."""
        release, _ = in_force.require()
        return as_response(json_answer(200, _vocabulary(release, in_force.texts)))

    @routes.get("/patterns/{id}/moves", summary="Where a rule may go from here, and who may say so", **route_docs(RuleMoves, 404))
    def moves(id: str, request: Request) -> Response:
        """Steps that lead nowhere from its status are left out. A promotion may still be refused for its bounds, see the report."""
        standing, caller = standing_in(in_force.texts, id), caller_of(request)
        alone = definitions.approval.acts_alone(caller)
        found = [_move(verb, move, standing, caller, alone) for verb, move in MOVES.items() if _leads_on(move, standing)]
        approves = alone or Approval.approves(caller)
        return as_response(json_answer(200, RuleMoves(id, standing.status, approves, alone, found)))

    return routes


def _vocabulary(release: Release, texts: Mapping[str, str]) -> RuleVocabulary:
    lists = list_names(texts)
    scope = Scope(release.schema, release.features, tuple(model.name for model in release.models), frozenset(lists))
    about = {f"feature.{name}": definition.description for name, definition in release.features.definitions.items()}
    types = scope.names_at(release.schema.user).types
    names = [RuleName(name, type.value, about.get(name, "")) for name, type in types.items()]
    return RuleVocabulary(release.id, pattern_schema(), names, sorted(lists), STANDARD.functions())


def _leads_on(move: Move, standing: Standing) -> bool:
    return standing.status in move.from_


def _move(verb: str, move: Move, standing: Standing, caller: Caller, alone: bool) -> RuleMove:
    if move.approvers_only and not alone and not Approval.approves(caller):
        return RuleMove(verb, False, "only an approver may say this")
    if move.needs_approval and not standing.approved_by and not alone:
        return RuleMove(verb, False, "its text has to be approved before")
    return RuleMove(verb, True, "")
