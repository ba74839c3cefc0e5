"""The queue: cases by what they are expected to cost, within what each inbox can decide in a day."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from api.console.page import Asked, Page
from api.console.shown.verdict_choices import choices_of

STATES = ("open", "claimed", "snoozed", "closed")
WAITING = ("open", "claimed")
SHOWN = 50


async def load(asked: Asked) -> Mapping[str, object]:
    """The cases that the filters in the address leave, a page of them, the inboxes, and the verdicts that may be given."""
    query = asked.query
    wanted: dict[str, Any] = {
        "state": [state for state in query.getlist("state") if state in STATES] or list(WAITING),
        "inbox": query.getlist("inbox"),
        "typology": [name for name in query.getlist("typology") if name],
        "holder": query.get("holder") or None,
    }
    page, inboxes, taxonomy = await asyncio.gather(
        asked.api.get("/v1/cases", wanted | {"cursor": query.get("cursor") or None, "limit": SHOWN}),
        asked.api.get("/v1/inboxes"),
        asked.api.get("/v1/typologies"),
    )
    kept = urlencode({name: value for name, value in wanted.items() if value}, doseq=True)
    return {
        "cases": page["cases"],
        "next": f"/queue?{kept}&{urlencode({'cursor': page['next']})}" if page["next"] else "",
        "first": f"/queue?{kept}" if query.get("cursor") else "",
        "asks": f"/v1/cases?{kept}&limit={SHOWN}",
        "inboxes": inboxes["inboxes"],
        "typologies": taxonomy["typologies"],
        "choices": choices_of(taxonomy, wanted["typology"][0] if len(wanted["typology"]) == 1 else None),
        "states": STATES,
        "wanted": wanted,
    }


QUEUE = Page(name="queue", path="/queue", title="Queue", reads="/v1/cases", load=load, label="Queue", key="q", has_script=True)
