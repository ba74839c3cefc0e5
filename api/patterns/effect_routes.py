"""The routes of what rules did: reports, exceptions by how often they hid a match, and snoozes of alerts."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from api.auth.request_context import caller_of, note_subject
from api.definitions.in_force import InForce
from api.http.json_body import read_json
from api.http.late_routes import late_routes
from api.http.problem import Problem, as_response, json_answer
from api.http.route_docs import route_docs
from api.kafka.log import Clock
from api.patterns.promotion_gate import Measuring
from api.patterns.reports import hidden_of, reports_of
from api.patterns.rule_shapes import (
    HiddenByExceptions,
    RuleReport,
    RuleReports,
    RuleTotal,
    RuleTotals,
    ShownSnooze,
    ShownSnoozes,
    ShownSuppression,
)
from api.patterns.rules_in_force import standing_in
from foundation.document import read_document
from stores.casework.alerts import OF_SNOOZE, Alerts, Suppression
from stores.casework.snoozes import Snooze, Snoozes, TooManySnoozesError
from stores.effects import DAY_MS

SNOOZES_MAX = 200
TOTALS_MAX = 10_000
REPORTS_MAX = 100
SNOOZE_DAYS_MAX = 90
FIELDS_MAX = 3
_SNOOZE = '{"for": "8h", "by": {"customer_id": "c1"}, "comment": "why"}'
Days = Annotated[int | None, Query(ge=1, le=3_650, description="so many days of event time")]
Comment = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
Text = Annotated[str, msgspec.Meta(max_length=1_000)]


class WantedSnooze(msgspec.Struct, forbid_unknown_fields=True, rename={"for_": "for"}):
    """Silences the alerts of a rule. `for` is how long, such as ``8h``, at most 90 days; `by` says by up to three fields of events which of
    them, none for all; `comment` is why.
    """

    for_: str
    comment: Comment
    by: Annotated[dict[str, Text], msgspec.Meta(max_length=FIELDS_MAX)] = {}


def make_effect_routes(measuring: Measuring, snoozes: Snoozes, alerts: Alerts, in_force: InForce, clock: Clock) -> APIRouter:
    """The routes of what rules did."""
    routes = late_routes("patterns")

    @routes.get("/patterns/{id}/report", summary="What a rule did, or would have done", **route_docs(RuleReport, 404))
    async def report(id: str, days: Days = None) -> Response:
        """Counted are the decisions since the rule's text is what it is, as far back as counts are kept, or so many days."""
        [found] = await _reports([id], days)
        return as_response(json_answer(200, found))

    @routes.get("/patterns:reports", summary="What several rules did, or would have done", **route_docs(RuleReports, 404))
    async def reports(
        id: Annotated[list[str], Query(max_length=REPORTS_MAX, description="the id of a rule; given once for each of them")],
        days: Days = None,
    ) -> Response:
        """The reports on up to 100 rules, in the order in which they are asked for; together they cost little more than one."""
        return as_response(json_answer(200, RuleReports(await _reports(list(dict.fromkeys(id)), days))))

    async def _reports(ids: list[str], days: int | None) -> list[RuleReport]:
        texts, found = in_force.texts, await measuring.observe(ids, days)
        return await asyncio.to_thread(reports_of, measuring.effects, texts, found)

    @routes.get("/patterns:totals", summary="How often each rule has matched", **route_docs(RuleTotals))
    async def totals() -> Response:
        """Counted are the matches of all texts of a rule since it was first seen; its report counts those of the text in force."""
        found = await asyncio.to_thread(measuring.effects.totals, TOTALS_MAX)
        told = [RuleTotal(each.pattern, each.acted, each.watched, each.hidden, each.alone) for each in found]
        return as_response(json_answer(200, RuleTotals(told)))

    @routes.get("/patterns:exceptions", summary="Exceptions of all rules, by how often they hid a match", **route_docs(HiddenByExceptions))
    async def exceptions() -> Response:
        """Those that never hid a match are left out."""
        return as_response(json_answer(200, await _hidden(None, in_force.texts)))

    @routes.get(
        "/patterns/{id}/exceptions", summary="Exceptions of a rule, by how often they hid a match", **route_docs(HiddenByExceptions, 404)
    )
    async def exceptions_of_rule(id: str) -> Response:
        """Those that never hid a match are left out."""
        standing_in(in_force.texts, id)
        return as_response(json_answer(200, await _hidden(id, in_force.texts)))

    async def _hidden(id: str | None, texts: Mapping[str, str]) -> HiddenByExceptions:
        counts = await asyncio.to_thread(measuring.effects.hidden, None if id is None else [id])
        return HiddenByExceptions(hidden_of(counts, texts))

    _add_snoozes(routes, snoozes, alerts, in_force, clock)
    return routes


def _add_snoozes(routes: APIRouter, snoozes: Snoozes, alerts: Alerts, in_force: InForce, clock: Clock) -> None:
    @routes.post(
        "/patterns/{id}:snooze",
        summary="Silences the alerts of a rule for a while",
        **route_docs(ShownSnooze, 404, 409, body=WantedSnooze),
    )
    async def snooze(id: str, request: Request) -> Response:
        """What the rule does to events goes on."""
        wanted = read_json(await request.body(), WantedSnooze, "snooze", _SNOOZE)
        standing_in(in_force.texts, id)
        _require_fields(wanted, in_force)
        from_ms = int(clock() * 1000)
        until_ms = from_ms + _length_ms(wanted.for_)
        made = Snooze(secrets.token_hex(16), id, wanted.by, wanted.comment, caller_of(request).name, from_ms, until_ms)
        try:
            await asyncio.to_thread(snoozes.add, made)
        except TooManySnoozesError as error:
            raise Problem(409, f"{error}; lift some") from error
        note_subject(request, f"snooze {made.id} of rule {id} for {wanted.for_}: {wanted.comment}")
        return as_response(json_answer(200, _shown(made, from_ms)))

    @routes.get("/patterns/{id}/snoozes", summary="The snoozes of a rule, and what was silenced", **route_docs(ShownSnoozes, 404))
    async def snoozes_of(id: str) -> Response:
        """The newest snoozes come first; those that are over are shown, too. Of what was silenced, what silenced most comes first."""
        standing_in(in_force.texts, id)
        found = await asyncio.to_thread(snoozes.of, id, SNOOZES_MAX)
        silenced = await asyncio.to_thread(alerts.suppressions_of, id, SNOOZES_MAX)
        shown = [_shown(each, int(clock() * 1000)) for each in found]
        return as_response(json_answer(200, ShownSnoozes(shown, list(map(_silenced, silenced)))))

    @routes.delete("/patterns/{id}/snoozes/{snooze}", summary="Lifts a snooze", **route_docs(ShownSnooze, 404))
    async def lift(id: str, snooze: str, request: Request) -> Response:
        """Alerts of the rule come again from now on. A snooze that is over stays as it is."""
        at_ms = int(clock() * 1000)
        found = await asyncio.to_thread(snoozes.lift, id, snooze, caller_of(request).name, at_ms)
        if found is None:
            raise Problem(404, f"the rule {id[:80]} has no snooze {snooze[:80]}")
        note_subject(request, f"snooze {found.id} of rule {id} lifted")
        return as_response(json_answer(200, _shown(found, at_ms)))


def _require_fields(wanted: WantedSnooze, in_force: InForce) -> None:
    """Refuses fields that decisions do not keep: such a snooze would silence nothing.

    Raises:
        Problem: 422.
    """
    schema = in_force.require()[0].schema
    known = {schema.user, *schema.entities, *schema.dimensions}
    for field in wanted.by:
        if field not in known:
            raise Problem(422, f"by: expected one of {', '.join(sorted(known))}, got {field[:80]}")


def _length_ms(text: str) -> int:
    """How long a snooze holds.

    Raises:
        Refusal: this is no length of time.
        Problem: 422, it is too long.
    """
    length_ms = read_document(f"for: '{text}'" if "'" not in text else "for: ''", "snooze").at("for").duration_ms()
    if length_ms > SNOOZE_DAYS_MAX * DAY_MS:
        raise Problem(422, f"for: expected at most {SNOOZE_DAYS_MAX}d, got {text}")
    return length_ms


def _silenced(suppression: Suppression) -> ShownSuppression:
    snooze = suppression.key.removeprefix(OF_SNOOZE) if suppression.key.startswith(OF_SNOOZE) else ""
    own = (dict(suppression.fields), suppression.since_ms, suppression.until_ms, suppression.silenced)
    return ShownSuppression(snooze, *own)


def _shown(snooze: Snooze, at_ms: int) -> ShownSnooze:
    own = (snooze.id, snooze.pattern, dict(snooze.fields), snooze.comment, snooze.by, snooze.from_ms, snooze.until_ms)
    return ShownSnooze(*own, snooze.holds_at(at_ms), snooze.lifted_by, snooze.lifted_at_ms)
