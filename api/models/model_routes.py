"""The routes of models: who decides, how challengers compare, what drifts, promotion and rollback."""

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.auth.request_context import caller_of, note_subject
from api.definitions.in_force import InForce
from api.definitions.publisher import Definitions
from api.definitions.versions import version_of
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.problem_types import NEEDS_APPROVER
from api.http.route_docs import route_docs
from api.models.comparing import ModelComparing
from api.models.drifting import Drifting
from api.models.model_shapes import ComparedModels, ModelImportance, ModelMoved, Reliability, ShownDrifts, ShownModels
from api.models.standings import champion_of, model_of, shown_models, with_promotion, with_rollback
from api.models.weighing import Weighing
from pipeline.engine.definitions.release import Release

Days = Annotated[int | None, Query(ge=1, le=3_650, description="so many days of event time")]
Reason = Annotated[str, msgspec.Meta(max_length=500)]
_PROMOTION = '{"reason": "…", "override": false}'
_ROLLBACK = '{"reason": "…"}'


class Promotion(msgspec.Struct, forbid_unknown_fields=True):
    """Says why a model decides from now on; `override` promotes it although something is needed."""

    reason: Reason = ""
    override: bool = False


class Rollback(msgspec.Struct, forbid_unknown_fields=True):
    """Says why the model before decides again."""

    reason: Reason = ""


def make_model_routes(
    definitions: Definitions, in_force: InForce, comparing: ModelComparing, drifting: Drifting, weighing: Weighing
) -> APIRouter:
    """The routes of models, beside those of models.yaml."""
    routes = late_routes("models")
    _add_reading(routes, in_force, comparing, drifting, weighing)
    _add_moves(routes, definitions, in_force, comparing)
    return routes


def _add_reading(routes: APIRouter, in_force: InForce, comparing: ModelComparing, drifting: Drifting, weighing: Weighing) -> None:
    @routes.get("/models:standings", summary="The models in force, and what each may do", **route_docs(ShownModels))
    async def standings() -> Response:
        """They come in the order of models.yaml."""
        return as_response(json_answer(200, shown_models(in_force)))

    @routes.get("/models:compare", summary="The models of one place side by side", **route_docs(ComparedModels, 404))
    async def compared(place: Annotated[str, Query(description="as policy.yaml names it")], days: Days = None) -> Response:
        """All are measured on the same events, those of known outcome that each of them scored, as far back as they are kept."""
        return as_response(json_answer(200, await comparing.compare(place, days)))

    @routes.get("/models:reliability", summary="How often probabilities came true", **route_docs(Reliability))
    async def reliability(days: Days = None) -> Response:
        """Counted are events of known outcome whose decisions said a probability."""
        return as_response(json_answer(200, await comparing.reliability(days)))

    @routes.get("/models:drift", summary="How far inputs, scores and the share of fraud are from before", **route_docs(ShownDrifts))
    async def drift() -> Response:
        """Measured is the newest day that is over, against the 28 days before it; what changed most for its limit comes first."""
        return as_response(json_answer(200, await drifting.newest()))

    @routes.get("/models/{name}:importance", summary="What moves the score of a model", **route_docs(ModelImportance, 404))
    async def importance(name: str) -> Response:
        """It is measured on what decisions of the newest 7 days said of the score that the model gave them, or comes with its training."""
        return as_response(json_answer(200, await weighing.importance(name)))


def _add_moves(routes: APIRouter, definitions: Definitions, in_force: InForce, comparing: ModelComparing) -> None:
    @routes.post(
        "/models/{name}:promote",
        name="promote_model",
        summary="Lets a challenger decide in the place that it challenges",
        **route_docs(ModelMoved, 404, 409, body=Promotion, optional=True),
    )
    async def promote(name: str, request: Request) -> Response:
        """What it needs for that is measured now. The champion before it becomes its challenger, and goes on to learn."""
        wanted = read_json(await request.body() or b"{}", Promotion, "promotion", _PROMOTION)
        caller, approval = caller_of(request), definitions.approval
        release, _ = in_force.require()
        with_promotion(release, name, caller.name)  # what leads nowhere is said before anything is measured
        approval.require_approver(caller)
        author = (await asyncio.to_thread(version_of, definitions.registry, "models", in_force.hashes["models"])).by
        if not approval.acts_alone(caller) and author == caller.name:
            text = f"{caller.name} stored models.yaml with the model {name}, so another approver or an admin has to promote it"
            raise Problem(403, text, type=NEEDS_APPROVER)
        noted = await comparing.require_promotable(name, wanted.override, wanted.reason)
        place = model_of(release, name).challenges
        published = await definitions.edit(lambda _: with_promotion(in_force.require()[0], name, caller.name), caller.name)
        return _moved(request, published.release, place, champion_of(release, place), in_force, noted + wanted.reason)

    @routes.post(
        "/models/{place}:roll_back",
        name="roll_back_model",
        summary="Lets the model decide that did so before a promotion",
        **route_docs(ModelMoved, 404, 409, body=Rollback, optional=True),
    )
    async def roll_back(place: str, request: Request) -> Response:
        """It went on to be scored and to learn, so that it is as warm as it would be without the promotion."""
        wanted = read_json(await request.body() or b"{}", Rollback, "rollback", _ROLLBACK)
        caller = caller_of(request)
        before: Release = in_force.require()[0]
        published = await definitions.edit(lambda _: with_rollback(in_force.require()[0], place, caller.name), caller.name)
        return _moved(request, published.release, place, champion_of(before, place), in_force, wanted.reason)


def _moved(request: Request, id: int, place: str, before: str, in_force: InForce, reason: str) -> Response:
    champion = champion_of(in_force.require()[0], place)
    why = f": {reason}" if reason else ""
    note_subject(request, f"release {id}: {champion} decides in the place {place}, {before} before{why}")
    return as_response(json_answer(200, ModelMoved(id, place, champion, before)))
