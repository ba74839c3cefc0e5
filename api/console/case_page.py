"""A case: why it is there, what happened, and the verdict. One of its events is looked at closely, the newest unless the address says."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from api.console.own_api import OwnApi, quoted
from api.console.page import Asked, Page
from api.console.usual_values import usual_values
from api.console.verdict_choices import choices_of
from api.console.waterfall import waterfall

ENTRIES, EVENTS, DECISIONS, RULES = 100, 200, 50, 4


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
    event = _looked_at(events["events"], asked.query.get("event", ""), asked.query.get("user", ""))
    decision, profile = await asyncio.gather(_decision(asked.api, event), _profile(asked.api, case["entity"]))
    others = profile["recent"]["decisions"] if profile else []
    return {
        "title": case["title"],
        "case": case,
        "entries": timeline["entries"],
        "events": events["events"],
        "links": links["links"],
        "verdicts": verdicts["verdicts"],
        "event": event,
        "decision": decision,
        "bars": waterfall(decision.get("contributions") or {}) if decision else [],
        "usual": usual_values(decision["event_id"], decision.get("features") or {}, others) if decision else [],
        "rules": await _rules(asked.api, decision),
        "remembered": profile["remembered"] if profile else {"facts": [], "notes": [], "verdicts": [], "cases": []},
        "choices": choices_of(taxonomy, case["typology"]),
    }


def _looked_at(events: Sequence[Mapping[str, Any]], event_id: str, user: str) -> Mapping[str, Any] | None:
    chosen = [one for one in events if one["event_id"] == event_id and user in ("", one["user"])]
    found = chosen or events
    return found[-1] if found else None


async def _decision(api: OwnApi, event: Mapping[str, Any] | None) -> Any:
    if event is None:
        return None
    return await api.found(f"/v1/decisions/{quoted(event['event_id'])}", {"user": event["user"]})


async def _profile(api: OwnApi, entity: Mapping[str, str]) -> Any:
    return await api.found(f"/v1/entities/{quoted(entity['kind'])}/{quoted(entity['id'])}", {"limit": DECISIONS})


async def _rules(api: OwnApi, decision: Mapping[str, Any] | None) -> Sequence[Any]:
    """Why each rule matched, as far as that is still known."""
    if decision is None:
        return []
    asked = {"event_id": decision["event_id"], "user": decision["user"]}
    names = [match["pattern"] for match in decision.get("matches") or []][:RULES]
    found = await asyncio.gather(*(api.found(f"/v1/patterns/{quoted(name)}:why", asked) for name in names), return_exceptions=True)
    return [one for one in found if one and not isinstance(one, BaseException)]


CASE = Page(name="case", path="/cases/{id}", title="Case", reads="/v1/cases/x", load=load, has_script=True)
