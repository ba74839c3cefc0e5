"""The routes that change a case: claims, notes, assignments, snoozes, verdicts, and its end."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Path, Request, Response

from alerts.cases import case_life
from alerts.cases.verdict_inputs import check_verdict
from api.auth.request_context import caller_of, note_subject
from api.cases.case_door import CaseDoor, seen_of
from api.cases.case_routes import CaseId
from api.cases.case_shapes import (
    AlertMove,
    Assignment,
    GivenCaseNote,
    GivenText,
    GivenVerdict,
    GivenVerdicts,
    InboxMove,
    ShownCase,
    Snoozing,
)
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs
from api.http.tagged_answer import tagged
from foundation.refusal import Refusal
from foundation.time_ids import UUID7, uuid7
from stores.casework.case import Case, CaseChange
from stores.casework.verdicts import UNDO_MS, Verdict
from stores.effects import effect_id

IfMatch = Annotated[str | None, Header(description="the ETag of the version that the caller has seen")]
VerdictId = Annotated[str, Path(max_length=200, description="the id of a verdict")]
AlertId = Annotated[str, Path(max_length=200, description="the id of an alert in the case")]
SNOOZE_DAYS_MAX = 366
_DAY_MS = 86_400_000
_TEXT = '{"text": "…"}'
_VERDICT = '{"verdict": "fraud", "legitimate" or "unsure", "reason": …, "inputs": {…}, "events": [{"user": …, "event_id": …}]}'
Act = Callable[[Case, str, int], CaseChange]
"""Is given a case, who acts, and the time in ms since the epoch."""


def make_case_verbs(door: CaseDoor) -> APIRouter:
    """The routes that change a case."""
    routes = late_routes("cases")
    _add_claims(routes, door)
    _add_work(routes, door)
    _add_ends(routes, door)
    _add_verdicts(routes, door)
    _add_alerts(routes, door)
    return routes


async def _act(door: CaseDoor, request: Request, id: str, if_match: str | None, act: Act) -> Response:
    by, now_ms = caller_of(request).name, door.now_ms()
    note_subject(request, f"case {id[:80]}")
    return as_response(await door.answer(200, await door.change(request, id, if_match, lambda case: act(case, by, now_ms))))


def _add_claims(routes: APIRouter, door: CaseDoor) -> None:
    docs = route_docs(ShownCase, 404, 409, 412)

    @routes.post("/cases/{id}:claim", name="claim_case", summary="Claims a case, or holds it for longer", **docs)
    async def take(id: CaseId, request: Request, if_match: IfMatch = None) -> Response:
        """409 names who holds it. Each change by its holder holds it for longer; the claim ends by itself."""
        claim_ms = door.policy().claim_ms
        return await _act(door, request, id, if_match, lambda case, by, now_ms: case_life.claim(case, by, now_ms, claim_ms))

    @routes.post("/cases/{id}:release", name="release_case", summary="Ends a claim", **docs)
    async def let_go(id: CaseId, request: Request, if_match: IfMatch = None) -> Response:
        """One's own; an approver or admin ends anybody's."""
        is_anybodys = bool({"approver", "admin"} & set(caller_of(request).roles))
        return await _act(door, request, id, if_match, lambda case, by, now_ms: case_life.release(case, by, now_ms, is_anybodys))

    @routes.post(
        "/cases/{id}:assign", name="assign_case", summary="Says who is to work on a case",
        **route_docs(ShownCase, 404, 409, 412, body=Assignment),
    )  # fmt: skip
    async def give(id: CaseId, request: Request, if_match: IfMatch = None) -> Response:
        """`next` gives it to nobody else."""
        given = read_json(await request.body(), Assignment, "assignment", '{"to": "…"}')
        return await _act(door, request, id, if_match, lambda case, by, now_ms: case_life.assign(case, by, given.to, now_ms))


def _add_work(routes: APIRouter, door: CaseDoor) -> None:
    @routes.post("/cases/{id}/notes", summary="Notes something on a case", **route_docs(ShownCase, 404, 412, body=GivenCaseNote))
    async def note(id: CaseId, request: Request, if_match: IfMatch = None) -> Response:
        """Anybody may who may change cases of its inbox, whoever holds it."""
        given = read_json(await request.body(), GivenCaseNote, "note", _TEXT)
        return await _act(door, request, id, if_match, lambda case, by, now_ms: case_life.note(case, by, now_ms, given.text))

    @routes.post(
        "/cases/{id}:move", name="move_case", summary="Moves a case to another inbox",
        **route_docs(ShownCase, 404, 409, 412, body=InboxMove),
    )  # fmt: skip
    async def move(id: CaseId, request: Request, if_match: IfMatch = None) -> Response:
        """Who moves it may no longer see it there."""
        given = read_json(await request.body(), InboxMove, "inbox", '{"inbox": …, "text": …}')
        names = [inbox.name for inbox in door.policy().inboxes]
        if given.inbox not in names:
            raise Refusal("unknown inbox", where="inbox", expected="one of " + (", ".join(names) or "none"), got=given.inbox)
        return await _act(door, request, id, if_match, lambda case, by, now_ms: case_life.move(case, by, given.inbox, now_ms, given.text))

    @routes.post(
        "/cases/{id}:snooze", name="snooze_case", summary="Lets a case sleep until a time, or until it escalates",
        **route_docs(ShownCase, 404, 409, 412, body=Snoozing),
    )  # fmt: skip
    async def snooze(id: CaseId, request: Request, if_match: IfMatch = None) -> Response:
        """It wakes at whichever comes first: a time, so many further events, or so much further loss."""
        given = read_json(await request.body(), Snoozing, "snooze", '{"until_ms": …, "events": …, "loss": …, "text": …}')
        _check_snooze(given, door.now_ms())
        return await _act(door, request, id, if_match, lambda case, by, now_ms: case_life.snooze(
            case, by, now_ms, given.until_ms, given.events, given.loss, given.text
        ))  # fmt: skip


def _add_ends(routes: APIRouter, door: CaseDoor) -> None:
    docs = route_docs(ShownCase, 404, 409, 412, body=GivenText, optional=True)

    @routes.post("/cases/{id}:close", name="close_case", summary="Closes a case, whose alerts then end", **docs)
    async def close(id: CaseId, request: Request, if_match: IfMatch = None) -> Response:
        """A case without a verdict needs a text that says why."""
        given = read_json(await request.body() or b"{}", GivenText, "end", _TEXT)
        return await _act(door, request, id, if_match, lambda case, by, now_ms: case_life.close(case, by, now_ms, given.text))

    @routes.post("/cases/{id}:reopen", name="reopen_case", summary="Opens a closed case again", **docs)
    async def reopen(id: CaseId, request: Request, if_match: IfMatch = None) -> Response:
        """409 where another one of its typology about its entity is open."""
        given = read_json(await request.body() or b"{}", GivenText, "beginning", _TEXT)
        return await _act(door, request, id, if_match, lambda case, by, now_ms: case_life.reopen(case, by, now_ms, given.text))


def _add_verdicts(routes: APIRouter, door: CaseDoor) -> None:
    stores = door.stores

    @routes.post(
        "/cases/{id}/verdicts", summary="Gives a verdict", **route_docs(GivenVerdicts, 404, 409, 412, status=201, body=GivenVerdict)
    )
    async def give(id: CaseId, request: Request, if_match: IfMatch = None) -> Response:
        """On some of its events, or on all that it has now. It can be undone for a minute; then its labels leave."""
        given = read_json(await request.body(), GivenVerdict, "verdict", _VERDICT)
        case, policy, by, now_ms = await door.require(request, id), door.policy(), caller_of(request).name, door.now_ms()
        check_verdict(policy, policy.typology(case.typology), given.verdict, given.reason, given.inputs)
        verdicts = _verdicts(case, given, by, now_ms)
        await door.conflicts(_require_events, door, case, verdicts)
        note_subject(request, f"case {case.id}: {given.verdict}{', ' + given.reason if given.reason else ''}")
        changed = await door.change(request, id, if_match, lambda case: case_life.give_verdicts(
            case, by, now_ms, policy.claim_ms, verdicts, given.close, given.text
        ))  # fmt: skip
        return await _verdict_answer(door, 201, changed, verdicts)

    @routes.post(
        "/cases/{id}/verdicts/{verdict}:undo", name="undo_verdict", summary="Takes a verdict back within its minute",
        **route_docs(GivenVerdicts, 404, 409, 412),
    )  # fmt: skip
    async def undo(id: CaseId, verdict: VerdictId, request: Request, if_match: IfMatch = None) -> Response:
        """A case that was closed with it is open again."""
        case, by, now_ms = await door.require(request, id), caller_of(request).name, door.now_ms()
        found = await asyncio.to_thread(stores.verdicts.get, verdict) if UUID7.fullmatch(verdict) else None
        if found is None or found.case_id != case.id:
            raise Problem(404, f"there is no verdict {verdict[:80]} on this case")
        note_subject(request, f"case {case.id}: verdict {found.id} undone")
        changed = await door.undo(
            request, id, found.id, if_match, lambda case, undone, others: case_life.undo_verdict(case, by, now_ms, undone, others)
        )
        return await _verdict_answer(door, 200, changed, [msgspec.structs.replace(found, undone_ms=now_ms)])


def _add_alerts(routes: APIRouter, door: CaseDoor) -> None:
    docs = route_docs(ShownCase, 404, 409, 412, body=AlertMove)

    @routes.post("/cases/{id}/alerts/{alert}:move", name="move_alert", summary="Moves an alert to another case, or detaches it", **docs)
    async def move(id: CaseId, alert: AlertId, request: Request, if_match: IfMatch = None) -> Response:
        """With all its events; the answer is the case that it has left."""
        given = read_json(await request.body(), AlertMove, "move", '{"to": the id of a case, or null}')
        source = await door.require(request, id)
        target = None if given.to is None else await door.require(request, given.to)
        if target is not None and target.id == source.id:
            raise Refusal("same case", where="to", expected="another case, or null", got=target.id)
        by, now_ms, seen = caller_of(request).name, door.now_ms(), seen_of(if_match)
        to = target.id if target else ""

        def moved(left: Case, joined: Case | None) -> tuple[CaseChange, CaseChange | None]:
            case_life.require_seen(left, seen)
            came = None if joined is None else case_life.alert_came(joined, by, now_ms, alert, left.id)
            return case_life.alert_left(left, by, now_ms, alert, to), came

        note_subject(request, f"case {source.id}: alert {alert[:80]} to {to or 'no case'}")
        if not await door.conflicts(door.stores.cases.move_alert, alert, source.id, to, moved, now_ms):
            raise Problem(404, f"there is no alert {alert[:80]} in this case")
        return as_response(await door.answer(200, await door.require(request, id)))


def _verdicts(case: Case, given: GivenVerdict, by: str, now_ms: int) -> list[Verdict]:
    names = [("", "")] if given.events is None else list(dict.fromkeys((one.user, one.event_id) for one in given.events))
    chance = secrets.token_bytes(16)
    return [
        Verdict(
            id=uuid7(now_ms, chance + str(number).encode()),
            case_id=case.id,
            user=user,
            event_id=event_id,
            entity_kind=case.entity_kind,
            entity_id=case.entity_id,
            verdict=given.verdict,
            reason=given.reason,
            inputs=given.inputs,
            by=by,
            at_ms=now_ms,
            effective_at_ms=now_ms + UNDO_MS,
        )
        for number, (user, event_id) in enumerate(names)
    ]


def _require_events(door: CaseDoor, case: Case, verdicts: list[Verdict]) -> None:
    """Refuses a verdict on an event that is not in the case."""
    names = {effect_id(one.user, one.event_id): one for one in verdicts if one.event_id}
    there = door.stores.cases.holds(case.id, list(names)) if names else set()
    missing = next((one for key, one in names.items() if key not in there), None)
    if missing is not None:
        raise Refusal("unknown event", where="events", expected="events of the case", got=f"{missing.event_id} of {missing.user}")


def _check_snooze(given: Snoozing, now_ms: int) -> None:
    if given.until_ms is None and given.events is None and given.loss is None:
        raise Refusal("endless snooze", where="until_ms", expected="until_ms, events or loss, or several of them", got="none of them")
    if given.until_ms is not None and not now_ms < given.until_ms <= now_ms + SNOOZE_DAYS_MAX * _DAY_MS:
        expected = f"a time in ms since the epoch after now ({now_ms}), at most {SNOOZE_DAYS_MAX} days ahead"
        raise Refusal("bad end", where="until_ms", expected=expected, got=given.until_ms)


async def _verdict_answer(door: CaseDoor, status: int, case: Case, verdicts: list[Verdict]) -> Response:
    [shown] = await door.shown([case])
    return as_response(tagged(json_answer(status, GivenVerdicts(verdicts, shown)), f"{case.version}.{case.growth}"))
