"""A case: why it is there, what happened, and the verdict. The most telling of its events, or that in the address, is looked at closely."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from alerts.book.reasons import told_reasons
from api.console.own_api import OwnApi, quoted
from api.console.page import Asked, Page
from api.console.shown.told_conditions import read_of
from api.console.shown.usual_values import Alike, alike, met_before, usual_of, usual_values
from api.console.shown.verdict_choices import choices_of
from api.console.shown.waterfall import contributions_of, waterfall

ENTRIES, EVENTS, DECISIONS, RULES = 100, 200, 50, 4
_ACTIONS = ("approve", "review", "block")


async def load(asked: Asked) -> Mapping[str, object]:
    """All that the page shows, asked for at once; what cannot be had of the event is left out, and the case is shown all the same."""
    id, get = quoted(asked.path["id"]), asked.api.get
    case, timeline, events, links, verdicts, taxonomy = await asyncio.gather(
        get(f"/v1/cases/{id}"),
        get(f"/v1/cases/{id}/timeline", {"limit": ENTRIES}),
        get(f"/v1/cases/{id}/events", {"limit": EVENTS}),
        get(f"/v1/cases/{id}/links"),
        get(f"/v1/cases/{id}/verdicts"),
        get("/v1/typologies"),
    )
    event = event_of(events["events"], asked.query.get("event", ""), asked.query.get("user", ""))
    user = user_of(case, event)
    decision, profile, of_user, rules, hold = await asyncio.gather(
        _decision(asked.api, event),
        _profile(asked.api, case["entity"]),
        _profile(asked.api, user),
        _rules(asked.api, event),
        _hold(asked.api, event),
    )
    theirs = of_user or (profile if user is None else None)
    usual = usual_of(decision, theirs["recent"]["decisions"]) if decision and theirs else []
    same = alike(decision, usual) if decision else Alike((), None)
    contributions = contributions_of(decision.get("contributions")) if decision else None
    return {
        "title": case["title"],
        "case": case,
        "entries": timeline["entries"],
        "events": events["events"],
        "links": links["links"],
        "verdicts": verdicts["verdicts"],
        "event": event,
        "is_chosen": "event" in asked.query,
        "reasons": reasons_of(case, decision),
        "decision": decision,
        "hold": hold,
        "contributions": contributions,
        "bars": waterfall(contributions) if contributions else [],
        "user": user,
        "alike": same,
        "usual": usual_values(decision, same.events) if decision else [],
        "usual_numbers": {one.name: one for one in usual_values(decision, same.events, "event")} if decision else {},
        "met": met_before(decision, usual) if decision else {},
        "rules": rules if decision else [],
        "read": read_of(rules, decision.get("matches") or ()) | set(contributions.inputs if contributions else ()) if decision else set(),
        "remembered": profile["remembered"] if profile else {"facts": [], "notes": [], "verdicts": [], "cases": []},
        "choices": choices_of(taxonomy, case["typology"]),
    }


def user_of(case: Mapping[str, Any], event: Mapping[str, Any] | None) -> Mapping[str, str] | None:
    """Whose event is looked at in a case of another entity, such as a terminal; None where the case is about them, or they are not known.

    What is usual is said of the user, because their features are what rules and models read.
    """
    if event is None or event["user"] == case["entity"]["id"]:
        return None
    return next((one for one in case["entities"] if one["id"] == event["user"]), None)


def event_of(events: Sequence[Mapping[str, Any]], event_id: str, user: str) -> Mapping[str, Any] | None:
    """The event that the address names, or else the most telling one: by its action, its rules, its score, and its time, in this order."""
    chosen = [one for one in events if one["event_id"] == event_id and user in ("", one["user"])]
    return max(reversed(chosen or events), key=_weight, default=None)


def _weight(event: Mapping[str, Any]) -> tuple[int, int, float]:
    action = _ACTIONS.index(event["action"]) if event["action"] in _ACTIONS else -1
    return action, len(event["rules"]), event["score"] or 0.0


def reasons_of(case: Mapping[str, Any], decision: Mapping[str, Any] | None) -> Sequence[str]:
    """Why the case is there: what was said of the event that is looked at, then what was said of others."""
    return told_reasons([*(decision["reasons"] if decision else ()), *case["reasons"]])


async def _decision(api: OwnApi, event: Mapping[str, Any] | None) -> Any:
    if event is None:
        return None
    return await api.found(f"/v1/decisions/{quoted(event['event_id'])}", {"user": event["user"]})


async def _hold(api: OwnApi, event: Mapping[str, Any] | None) -> Any:
    """The hold of the event's payment, and who has taken how it ended."""
    return await api.found(f"/v1/holds/{event['hold']['id']}") if event and event["hold"] else None


async def _profile(api: OwnApi, entity: Mapping[str, str] | None) -> Any:
    if entity is None:
        return None
    return await api.found(f"/v1/entities/{quoted(entity['kind'])}/{quoted(entity['id'])}", {"limit": DECISIONS})


async def _rules(api: OwnApi, event: Mapping[str, Any] | None) -> Sequence[Any]:
    """Why each rule matched that acted, as far as that is still known."""
    if event is None:
        return []
    asked = {"event_id": event["event_id"], "user": event["user"]}
    names = event["rules"][:RULES]
    found = await asyncio.gather(*(api.found(f"/v1/patterns/{quoted(name)}:why", asked) for name in names), return_exceptions=True)
    return [one for one in found if one and not isinstance(one, BaseException)]


CASE = Page(name="case", path="/cases/{id}", title="Case", reads="/v1/cases/x", load=load, has_script=True)
