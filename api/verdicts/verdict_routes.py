"""The routes ``/verdicts``: what became of a verdict, and a second person who lets be done what needs two."""

import asyncio
import re
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from api.auth.request_context import caller_of, note_subject
from api.cases.case_door import CaseDoor
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs
from api.verdicts.verdict_shapes import GivenJudgement, ShownVerdict, ShownVerdictStep, WaitingSteps
from foundation.time_ids import UUID7
from stores.casework.verdict_steps import StepState, VerdictStep, VerdictSteps
from stores.casework.verdicts import Verdict
from stores.decisions import bad_cursor

PAGE_MAX = 200
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)

VerdictId = Annotated[str, Path(max_length=200, description="the id of a verdict")]


def make_verdict_routes(door: CaseDoor, steps: VerdictSteps) -> APIRouter:
    """The routes of verdicts and their steps."""
    routes = late_routes("cases")
    _add_reads(routes, door, steps)
    _add_judgements(routes, door, steps)
    return routes


def _add_reads(routes: APIRouter, door: CaseDoor, steps: VerdictSteps) -> None:
    @routes.get("/verdicts:waiting", summary="Steps of verdicts that wait for a second person", **route_docs(WaitingSteps))
    async def waiting(
        request: Request,
        cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Response:
        """Those of cases that the caller may see, so that a page may be shorter than `limit`."""
        if cursor is not None and not _ID.fullmatch(cursor):
            raise bad_cursor(cursor, "cursor")
        found = await asyncio.to_thread(steps.waiting, cursor or "", limit)
        hidden = await door.hidden(request)
        seen = await asyncio.to_thread(_seen, door, found, hidden)
        following = found[-1].id if len(found) == limit else None
        return as_response(json_answer(200, WaitingSteps([_shown(step) for step in seen], following)))

    @routes.get("/verdicts/{id}", summary="A verdict, and what became of each thing that it does", **route_docs(ShownVerdict, 404))
    async def show(id: VerdictId, request: Request) -> Response:
        """A verdict on a case that the caller may not see is a 404."""
        verdict = await _require(door, id, request)
        return as_response(json_answer(200, await _with_steps(steps, verdict)))


def _add_judgements(routes: APIRouter, door: CaseDoor, steps: VerdictSteps) -> None:
    docs = route_docs(ShownVerdict, 403, 404, 409, body=GivenJudgement)

    @routes.post("/verdicts/{id}:approve", summary="Lets be done what of a verdict needs two people", **docs)
    async def approve(id: VerdictId, request: Request) -> Response:
        """Only somebody else than who gave the verdict may."""
        return await _judge(id, request, "wanted")

    @routes.post("/verdicts/{id}:refuse", summary="Refuses what of a verdict needs two people", **docs)
    async def refuse(id: VerdictId, request: Request) -> Response:
        """Only somebody else than who gave the verdict may; all else that the verdict does stays as it is."""
        return await _judge(id, request, "refused")

    async def _judge(id: str, request: Request, state: StepState) -> Response:
        given, caller = read_json(await request.body(), GivenJudgement, "judgement", '{"reason": "…"}'), caller_of(request)
        verdict = await _require(door, id, request)
        note_subject(request, f"verdict {id}: what needs two people is {state}: {given.reason}")
        if caller.name == verdict.by:
            raise Problem(403, f"{caller.name} gave the verdict, and somebody else has to approve or refuse")
        if verdict.undone_ms is not None:
            raise Problem(409, "the verdict was undone")
        waiting = [step for step in await asyncio.to_thread(steps.of_verdict, verdict.id) if step.state == "waiting"]
        moved = [
            await asyncio.to_thread(steps.move, step.id, ("waiting",), _judged(step, state, caller.name, given.reason)) for step in waiting
        ]
        if not any(moved):
            raise Problem(409, "nothing of the verdict waits for a second person")
        return as_response(json_answer(200, await _with_steps(steps, verdict)))

    def _judged(step: VerdictStep, state: StepState, by: str, reason: str) -> VerdictStep:
        return msgspec.structs.replace(step, state=state, by=by, outcome=reason, changed_ms=door.now_ms())


def _seen(door: CaseDoor, found: list[VerdictStep], hidden: list[str]) -> list[VerdictStep]:
    """Those steps whose verdicts stand, and whose cases are in no hidden inbox."""
    seen: dict[str, bool] = {}
    for id in dict.fromkeys(step.verdict for step in found):
        verdict = door.stores.verdicts.get(id)
        case = None if verdict is None or verdict.undone_ms is not None else door.stores.cases.get(verdict.case_id)
        seen[id] = case is not None and case.inbox not in hidden
    return [step for step in found if seen[step.verdict]]


async def _require(door: CaseDoor, id: str, request: Request) -> Verdict:
    verdict = await asyncio.to_thread(door.stores.verdicts.get, id) if UUID7.fullmatch(id) else None
    if verdict is None:
        raise Problem(404, f"there is no verdict {id[:80]}")
    await door.require(request, verdict.case_id)
    return verdict


async def _with_steps(steps: VerdictSteps, verdict: Verdict) -> ShownVerdict:
    return ShownVerdict(verdict, [_shown(step) for step in await asyncio.to_thread(steps.of_verdict, verdict.id)])


def _shown(step: VerdictStep) -> ShownVerdictStep:
    own = (step.due_ms, step.state, step.outcome, step.by, step.changed_ms)
    return ShownVerdictStep(step.id, step.verdict, step.what, step.subject, *own)
